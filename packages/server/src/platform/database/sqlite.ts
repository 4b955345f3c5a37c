import { createWriteContext } from "./attempt.ts";
import type { Database } from "./database.ts";
import { createReader, databaseError } from "./executor.ts";
import { createGroups, type Groups } from "./sqlite-groups.ts";
import { plainRow, startWriter } from "./sqlite-link.ts";
import { openSqlite, type SqliteConnection } from "./sqlite-shim.ts";

export interface SqliteDatabaseOptions {
  /** Absolute path of the database file; made, with its folder, when it is missing. */
  readonly path: string;
  /** How long the writer waits for a lock of another process. Default 5,000. */
  readonly busyTimeoutMs?: number;
}

/** A reader blocks this thread while it waits; in WAL mode it meets a lock only during recovery. */
const readerTimeoutMs = 1000;

/**
 * A database in one file. Reads run in this thread on a read-only connection; writes run in a thread of
 * their own that holds the only writing connection (docs/decisions/0002-sqlite-writer-thread.md).
 *
 * A crash at any moment keeps every write that was resolved and nothing of one that failed. Throws DATABASE
 * when the file cannot be opened.
 */
export async function createSqliteDatabase(options: SqliteDatabaseOptions): Promise<Database> {
  const { path, busyTimeoutMs = 5000 } = options;
  const context = createWriteContext();
  let reader: SqliteConnection;
  let groups: Groups;
  try {
    const link = await startWriter({ path, busyTimeoutMs });
    groups = createGroups(link, context);
    try {
      reader = openSqlite({ path, access: "read", busyTimeoutMs: readerTimeoutMs });
    } catch (error) {
      await link.close();
      throw error;
    }
  } catch (error) {
    throw databaseError(error);
  }
  const read = createReader("sqlite", async ({ sql, parameters }) => {
    context.assertOutside("`read`");
    try {
      const statement = reader.prepare(sql);
      const { rows } = statement.execute(parameters);
      return { rows: rows.map((row) => plainRow(statement.columns, row)) };
    } catch (error) {
      throw databaseError(error);
    }
  });
  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    await groups.drained();
    // The reader first: the writer can then fold the WAL into the file.
    reader.close();
    await groups.close();
  }
  return {
    engine: "sqlite",
    read,
    write: async (work) => groups.write(work),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}
