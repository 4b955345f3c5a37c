import { AssayError, isAssayError } from "@assay/core";
import {
  Transaction as KyselyTransaction,
  DefaultQueryExecutor,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type CompiledQuery,
  type Dialect,
  type Driver,
  type KyselyProps,
  type QueryResult,
} from "kysely";
import type { Database, Reader, Transaction } from "./database.ts";

/** Runs one compiled statement. Statements given without waiting run in the order given. */
export type Execute = (query: CompiledQuery) => Promise<QueryResult<unknown>>;

type Engine = Database["engine"];

/** A Kysely that only reads: statements that it knows to change something are refused. */
export function createReader(engine: Engine, execute: Execute): Reader {
  return new Kysely<object>(
    props(engine, async (query) => {
      if (changing.has(query.query.kind)) throw new AssayError("DATABASE", { reason: "a change outside `write`" });
      return execute(query);
    }),
  );
}

/** A Kysely whose statements all go to `execute`: the transaction that a `write` callback gets. */
export function createTransaction(
  engine: Engine,
  execute: Execute,
  afterCommit: (callback: () => void) => void,
): Transaction {
  const transaction: object = Object.assign(new KyselyTransaction<object>(props(engine, execute)), {
    engine,
    afterCommit,
  });
  return transaction as Transaction;
}

/** What the engine threw as the one error that rooms see. */
export function databaseError(error: unknown): AssayError {
  if (isAssayError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new AssayError("DATABASE", { reason }, { cause: error });
}

const changing: ReadonlySet<string> = new Set([
  "InsertQueryNode",
  "UpdateQueryNode",
  "DeleteQueryNode",
  "MergeQueryNode",
  "CreateTableNode",
  "CreateIndexNode",
  "AlterTableNode",
  "DropTableNode",
  "DropIndexNode",
]);

function props(engine: Engine, execute: Execute): KyselyProps {
  const dialect = dialects[engine];
  const connection = {
    executeQuery: async <R>(query: CompiledQuery) => (await execute(query)) as QueryResult<R>,
    streamQuery: () => {
      throw new AssayError("DATABASE", { reason: "streaming a result; read it in pages by key" });
    },
  };
  return {
    config: { dialect },
    dialect,
    driver: refusingDriver,
    executor: new DefaultQueryExecutor(dialect.createQueryCompiler(), dialect.createAdapter(), {
      provideConnection: (consumer) => consumer(connection),
    }),
  };
}

/** Kysely's own transactions would bypass group commit and retries. */
const refuse = async (): Promise<never> => {
  throw new AssayError("DATABASE", { reason: "a transaction other than `Database.write`" });
};

const refusingDriver: Driver = {
  init: async () => {},
  acquireConnection: refuse,
  beginTransaction: refuse,
  commitTransaction: refuse,
  rollbackTransaction: refuse,
  releaseConnection: async () => {},
  destroy: async () => {},
};

const dialects: Readonly<Record<Engine, Dialect>> = {
  sqlite: {
    createDriver: () => refusingDriver,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (database) => new SqliteIntrospector(database),
  },
  postgres: {
    createDriver: () => refusingDriver,
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (database) => new PostgresIntrospector(database),
  },
};
