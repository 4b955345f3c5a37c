import type { CustomTypesConfig, Pool, PoolClient, QueryConfig } from "pg";
import { AssayError, isAssayError } from "@assay/core";
import type { CompiledQuery, QueryResult } from "kysely";
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import { attempt, createWriteContext, runHooks, type WriteContext } from "./attempt.ts";
import type { Database, Transaction } from "./database.ts";
import { createReader, databaseError, type Execute } from "./executor.ts";
import { checkParameters } from "./parameters.ts";
import { parsePostgresValue } from "./postgres-values.ts";

export interface PostgresDatabaseOptions {
  /** `postgres://…`. The database must be UTF8. */
  readonly url: string;
  /** Most connections at once. Default 10. */
  readonly connections?: number;
  /** How long one waits for a connection. Default 10 s. */
  readonly connectWithinMs?: number;
  /** How long a transaction that keeps colliding is tried. Default 30 s. */
  readonly retryForMs?: number;
}

export interface PostgresDeps {
  readonly clock: Clock;
  readonly random: Random;
}

const longestPauseMs = 200;

/** serialization_failure, deadlock_detected: running again may succeed, and nothing was done. */
const retried: ReadonlySet<string> = new Set(["40001", "40P01"]);

/** too_many_connections; admin_shutdown, crash_shutdown, cannot_connect_now: no connection, or none any more. */
const noPlace: ReadonlySet<string> = new Set(["53300", "57P01", "57P02", "57P03"]);

interface PostgresParts extends PostgresDeps {
  readonly pool: Pool;
  readonly retryForMs: number;
  readonly context: WriteContext;
}

/**
 * A database on PostgreSQL (14 or later, or what speaks its protocol). Needs no session state, so a pooler
 * in transaction mode may stand between. `pg` is loaded here and nowhere else.
 *
 * A connection lost around COMMIT rejects with DATABASE although the commit may have happened. Where nothing was done,
 * for want of a connection or after collisions without end, reads and writes reject with DATABASE_UNAVAILABLE.
 * Throws DATABASE when the server cannot be reached or the database is not UTF8.
 */
export async function createPostgresDatabase(
  { clock, random }: PostgresDeps,
  { url, connections = 10, connectWithinMs = 10_000, retryForMs = 30_000 }: PostgresDatabaseOptions,
): Promise<Database> {
  const { default: pg } = await import("pg");
  const types: CustomTypesConfig = {
    getTypeParser: (type: number) => (text: string) => parsePostgresValue(type, text),
  };
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: connectWithinMs,
    application_name: "assay",
    types,
  });
  // A connection that the server ends is replaced; without listeners it would end this process.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const context = createWriteContext();
  const parts: PostgresParts = { pool, context, clock, random, retryForMs };
  try {
    await assertUtf8(pool);
  } catch (error) {
    await pool.end();
    throw databaseError(error);
  }
  let closing: Promise<void> | undefined;
  const writing = new Set<Promise<unknown>>();
  async function close(): Promise<void> {
    await Promise.allSettled(writing);
    await pool.end();
  }
  return {
    engine: "postgres",
    read: createReader("postgres", async (query) => {
      context.assertOutside("`read`");
      try {
        return await execute(pool, query);
      } catch (error) {
        throw isLost(error) ? unavailable(error) : databaseError(error);
      }
    }),
    async write(work) {
      context.assertOutside("`write`");
      if (closing !== undefined) throw new AssayError("DATABASE", { reason: "a write after the database was closed" });
      const written = write(parts, work);
      writing.add(written);
      try {
        return await written;
      } finally {
        writing.delete(written);
      }
    },
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

async function write<T>(parts: PostgresParts, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const started = parts.clock.monotonicMs();
  for (let tries = 1; ; tries += 1) {
    try {
      return await writeOnce(parts, work);
    } catch (error) {
      if (!isRetried(error)) throw error;
      if (parts.clock.monotonicMs() - started > parts.retryForMs) throw unavailable(error);
      await parts.clock.sleep(parts.random.fraction() * Math.min(longestPauseMs, 2 ** tries));
    }
  }
}

async function writeOnce<T>(
  { pool, context }: PostgresParts,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const client = await connect(pool);
  let healthy = false;
  const control = async (text: string): Promise<string> => {
    try {
      const { command } = await client.query(text);
      healthy = true;
      return command;
    } catch (error) {
      // What the server itself refused leaves the connection in order.
      healthy = sqlState(error) !== undefined;
      throw databaseError(error);
    }
  };
  try {
    await control("begin isolation level serializable");
    const outcome = await attempt("postgres", context, oneByOne(client), work);
    if (!outcome.ok) {
      // When not even this is possible, the connection is gone, and the transaction with it.
      await control("rollback").catch(() => {});
      throw isRetried(outcome.failure) ? outcome.failure : outcome.error;
    }
    // PostgreSQL answers ROLLBACK when a statement failed that nobody noticed.
    if ((await control("commit")) !== "COMMIT")
      throw new AssayError("DATABASE", { reason: "the transaction was undone" });
    runHooks(outcome.hooks);
    return outcome.value;
  } finally {
    // A connection in an unknown state is closed, which also undoes what it holds.
    client.release(!healthy);
  }
}

async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw unavailable(error);
  }
}

/** Whether no server answered, or none that has a place: what it was asked for it may be asked again. */
function isLost(error: unknown): boolean {
  const isOurs = error instanceof TypeError || error instanceof RangeError;
  const state = sqlState(error);
  return state === undefined ? !isOurs : noPlace.has(state);
}

function unavailable(error: unknown): AssayError {
  if (isAssayError(error) && !isRetried(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new AssayError("DATABASE_UNAVAILABLE", { reason }, { cause: error });
}

async function execute(client: Pool | PoolClient, query: CompiledQuery): Promise<QueryResult<unknown>> {
  const config: QueryConfig & { readonly queryMode: "extended" } = {
    text: query.sql,
    values: checkParameters(query.parameters),
    // Without parameters `pg` would use the simple protocol, which takes several statements in one text.
    queryMode: "extended",
  };
  const result = await client.query<Record<string, unknown>>(config);
  return { rows: result.rows, numAffectedRows: BigInt(result.rowCount ?? 0) };
}

/** A client takes one statement at a time; a callback may give several at once. */
function oneByOne(client: PoolClient): Execute {
  let last: Promise<unknown> = Promise.resolve();
  return (query) => {
    const next = last.then(() => execute(client, query));
    last = next.catch(() => {});
    return next;
  };
}

async function assertUtf8(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ server_encoding: string }>("show server_encoding");
  const encoding = rows[0]?.server_encoding;
  if (encoding !== "UTF8")
    throw new AssayError("DATABASE", { reason: `a database encoded as ${encoding}; create it with UTF8` });
}

/** The SQLSTATE of what the server answered, also behind an error of ours; undefined for other errors. */
function sqlState(error: unknown): string | undefined {
  if (error instanceof AssayError) return error.cause === undefined ? undefined : sqlState(error.cause);
  if (!(error instanceof Error) || !("severity" in error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

function isRetried(error: unknown): boolean {
  return retried.has(sqlState(error) ?? "");
}
