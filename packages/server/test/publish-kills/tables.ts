/** The rows behind a server, read by plain SQL and none of its code. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

export type Row = Readonly<Record<string, string | number | null>>;

export interface Tables {
  rows(sql: string): Promise<readonly Row[]>;
}

/** Of a server that is dead: a copy with its write-ahead log, so that the next start recovers by itself. */
export async function withSqliteCopy<T>(data: string, use: (tables: Tables) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), "assay-kills-"));
  try {
    for (const end of ["", "-wal"]) {
      const file = path.join(data, `assay.db${end}`);
      if (existsSync(file)) copyFileSync(file, path.join(folder, `copy${end}`));
    }
    const database = new DatabaseSync(path.join(folder, "copy"));
    try {
      return await use({ rows: async (sql) => database.prepare(sql).all() as unknown as readonly Row[] });
    } finally {
      database.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Changes with every commit, without touching the database. */
export async function walState(data: string): Promise<string> {
  const found = await stat(path.join(data, "assay.db-wal")).catch(() => undefined);
  return `${found?.size} ${found?.mtimeMs}`;
}

/** A connection of its own, beside a server that lives. */
export async function watchPostgres(url: string): Promise<{ query(sql: string): Promise<string> } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url, application_name: watcher });
  // Its end is told by the next query.
  client.on("error", () => {});
  await client.connect();
  return {
    query: async (sql) => JSON.stringify((await client.query(sql)).rows),
    [Symbol.asyncDispose]: () => client.end(),
  };
}

const watcher = "watches commits";

/** Waits until the database has ended what the dead server's connections were doing. */
export async function withPostgres<T>(url: string, use: (tables: Tables) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const rows = async (sql: string): Promise<readonly Row[]> => (await client.query<Row>(sql)).rows.map(inNumbers);
  const others = `select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name <> '${watcher}'`;
  try {
    while ((await rows(others)).length > 0) await delay(10);
    return await use({ rows });
  } finally {
    await client.end();
  }
}

/** `pg` answers a bigint as text. */
function inNumbers(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      key,
      /_ms$|^idx$|^size$/.test(key) && value !== null ? Number(value) : value,
    ]),
  );
}
