import type { Kysely } from "kysely";

/**
 * Facts live here. Every query goes through Kysely; a room types its own tables with
 * `executor.withTables<MyTables>()` and touches no other room's.
 *
 * Rules that make one set of statements right on both engines: TEXT compares by bytes, integers stay
 * within 2^53, times are epoch milliseconds, JSON is text that we encode, booleans are 0 and 1,
 * uniqueness is a unique key and nothing else.
 */
export interface Database {
  readonly engine: "sqlite" | "postgres";

  /** Sees committed state only. Never use it inside `write`: on SQLite it would not see the transaction. */
  readonly read: Reader;

  /**
   * Runs `work` in a transaction and resolves with its result after the commit is durable.
   *
   * On SQLite queued callbacks share one BEGIN IMMEDIATE, each in a savepoint of its own (group commit);
   * on PostgreSQL each is a SERIALIZABLE transaction, run again on 40001 and 40P01. So `work` may run more
   * than once: it does no other I/O and changes nothing outside the transaction. When it throws, its own
   * changes are undone and the promise rejects with what it threw; others in the group are not affected.
   */
  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;

  /** Finishes queued writes, then closes. */
  [Symbol.asyncDispose](): Promise<void>;
}

declare const transactional: unique symbol;

/** Any executor: what a store function that only reads asks for. */
export type Reader = Kysely<object>;

/**
 * Proof of being inside `Database.write`: what a store function that changes something asks for.
 *
 * A statement that fails ends it: later ones are refused and `write` rejects, even when the failure was caught.
 * It ends with the callback: a statement that comes later is refused.
 */
export type Transaction = Kysely<object> & {
  readonly [transactional]: true;
  readonly engine: "sqlite" | "postgres";
  /** Calls back once, in a microtask after the commit is durable; never when the transaction is undone or run again. */
  readonly afterCommit: (callback: () => void) => void;
};

/** One step of the schema. `up` issues the same statements whatever rows there are: their text is its checksum. */
export interface Migration {
  up(transaction: Transaction): Promise<void>;
}

/**
 * A room's migrations, by name. Names sort in the order of running across all rooms: `0010-checksums-claims`.
 * The same code runs on both engines, with the column helpers of `columns.ts`.
 */
export type Migrations = Readonly<Record<string, Migration>>;
