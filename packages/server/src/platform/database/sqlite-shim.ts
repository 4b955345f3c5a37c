import { closeSync, chmodSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { LRUCache } from "lru-cache";
import { checkParameter } from "./parameters.ts";
import { countParameters } from "./sqlite-text.ts";

/**
 * node:sqlite made strict. Left to itself it takes a first object for named parameters, binds NULL for
 * missing ones, drops a second statement, binds undefined as NULL on some versions, binds every number as
 * REAL, and gives rows without a prototype. Here each of these throws or is put right.
 */
export interface SqliteConnection {
  /** The prepared statement for one SQL text; of the last 500 texts it is kept. */
  prepare(sql: string): SqliteStatement;
  /** Runs text without parameters or results, such as `begin immediate`. */
  run(sql: string): void;
  /** True between a BEGIN and its end, also when SQLite itself rolled back. */
  readonly inTransaction: boolean;
  /** Drops kept statements; needed after a change of the schema, because they know their columns. */
  forgetStatements(): void;
  close(): void;
}

export interface SqliteStatement {
  /** Names of the result's columns; empty when the statement returns no rows. */
  readonly columns: readonly string[];
  /** Binds, runs to the end and resets. Throws TypeError for a wrong count or kind of parameters. */
  execute(parameters: readonly unknown[]): SqliteResult;
}

export interface SqliteResult {
  /** Values in the order of `columns`. */
  readonly rows: readonly (readonly unknown[])[];
  /** Rows inserted, updated or deleted; 0 for statements that return rows. */
  readonly changes: number;
}

export interface SqliteOptions {
  /** Absolute path of the file. */
  readonly path: string;
  readonly access: "write" | "read";
  /** How long a lock of another process is waited for. Blocks this thread. */
  readonly busyTimeoutMs: number;
}

const keptStatements = 500;
const limits = { attach: 0, sqlLength: 1_000_000, variableNumber: 32_766 };

/**
 * Opens (access "write": makes, mode 0600, durable directory entry) a database file: WAL, synchronous FULL,
 * foreign keys on, schema not trusted, no ATTACH. Throws what node:sqlite throws.
 */
export function openSqlite({ path, access, busyTimeoutMs }: SqliteOptions): SqliteConnection {
  if (access === "write") makeFile(path);
  const database = new DatabaseSync(path, {
    readOnly: access === "read",
    timeout: busyTimeoutMs,
    allowExtension: false,
    enableForeignKeyConstraints: true,
    enableDoubleQuotedStringLiterals: false,
    limits,
  });
  try {
    if (access === "write") {
      const mode = database.prepare("pragma journal_mode = wal").get();
      // A file system without shared memory keeps the old mode, and says so only here.
      if (mode?.["journal_mode"] !== "wal") throw new Error("this file system does not support WAL");
      database.exec("pragma synchronous = full; pragma wal_autocheckpoint = 4000");
      database.exec("pragma journal_size_limit = 67108864");
    } else database.exec("pragma query_only = on");
    database.exec("pragma trusted_schema = off; pragma foreign_keys = on; pragma temp_store = memory");
    database.exec("pragma cache_size = -16000");
  } catch (error) {
    database.close();
    throw error;
  }
  return connection(database);
}

/** The version of the SQLite library inside this Node, such as `3.53.4`. */
export function sqliteVersion(): string {
  const version = process.versions["sqlite"];
  if (version === undefined) throw new Error("this Node has no SQLite");
  return version;
}

function connection(database: DatabaseSync): SqliteConnection {
  const kept = new LRUCache<string, SqliteStatement>({ max: keptStatements });
  return {
    prepare(sql) {
      let statement = kept.get(sql);
      if (statement === undefined) {
        statement = prepare(database, sql);
        kept.set(sql, statement);
      }
      return statement;
    },
    run: (sql) => database.exec(sql),
    get inTransaction() {
      return database.isTransaction;
    },
    forgetStatements: () => kept.clear(),
    close: () => database.close(),
  };
}

function prepare(database: DatabaseSync, sql: string): SqliteStatement {
  const count = countParameters(sql);
  const statement: StatementSync = database.prepare(sql);
  statement.setReturnArrays(true);
  let columns = columnNames(statement);
  // Of what answers no rows node:sqlite also reads the last rowid, whosever it was: those inside a full text index are
  // beyond what a number can hold, and then it would throw.
  statement.setReadBigInts(columns.length === 0);
  return {
    get columns() {
      return columns;
    },
    execute(parameters) {
      if (parameters.length !== count)
        throw new TypeError(`${parameters.length} parameters for a statement with ${count}`);
      const values: SQLInputValue[] = [];
      for (let index = 0; index < count; index += 1) {
        const value = checkParameter(parameters[index], index);
        // A number is bound as REAL, which divides and compares otherwise in expressions.
        values.push(typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value);
      }
      if (columns.length === 0) return { rows: [], changes: Number(statement.run(...values).changes) };
      // With setReturnArrays(true) every row is an array; the declared type knows records only.
      const all: unknown = statement.all(...values);
      const rows = all as unknown[][];
      // Another process changed the schema: SQLite prepared the statement anew by itself.
      if (rows[0] !== undefined && rows[0].length !== columns.length) columns = columnNames(statement);
      return { rows, changes: 0 };
    },
  };
}

function columnNames(statement: StatementSync): readonly string[] {
  return statement.columns().map((column) => column.name);
}

function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (existsSync(path)) {
    chmodSync(path, 0o600);
    return;
  }
  // Before SQLite opens it, so that the file is never readable by others; WAL files copy its mode.
  closeSync(openSync(path, "a", 0o600));
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}
