/**
 * Runs one suite on every database that the product supports: SQLite, PostgreSQL, and PostgreSQL whose
 * locale does not sort by bytes. Contract suites and every room's `store.test.ts` use it.
 */
import { after, before, describe, test } from "node:test";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Database, Migrations } from "@assay/server/platform/database/database";
import { runMigrations } from "@assay/server/platform/database/migrate";
import { createPostgresDatabase } from "@assay/server/platform/database/postgres";
import { createSqliteDatabase } from "@assay/server/platform/database/sqlite";
import { createSystemClock } from "@assay/server/platform/system-clock";
import { createSystemRandom } from "@assay/server/platform/system-random";
import { createFakeClock } from "./fake-clock.ts";
import { missingPostgres, startPostgres, type TestPostgres } from "./postgres.ts";
import { tempFolder } from "./temp-folder.ts";

export interface TestDatabases {
  readonly engine: Database["engine"];
  /** Opens a fresh database with these migrations applied. It is closed when the suite ends. */
  fresh(...migrations: readonly Migrations[]): Promise<Database>;
  /** Makes an empty database and answers how to open it, more than once if need be. Closed with the suite. */
  place(): Promise<() => Promise<Database>>;
}

/** Registers `suite` once for each database; inside, it registers tests. A missing PostgreSQL is skipped loudly. */
export function onEveryDatabase(title: string, suite: (databases: TestDatabases) => void): void {
  describe(`${title} on SQLite`, () => {
    const databases = prepared("sqlite", async () => {
      const path = join(folder, `${randomUUID()}.sqlite`);
      return () => createSqliteDatabase({ path });
    });
    // After the hook that closes the databases: hooks run in the order in which they were set.
    const folder = tempFolder({ after });
    suite(databases);
  });
  const missing = missingPostgres();
  if (missing !== undefined) {
    test(`${title} on PostgreSQL`, (t) => t.skip(missing));
    return;
  }
  describe(`${title} on PostgreSQL`, () => {
    let server: TestPostgres | undefined;
    before(async () => {
      server = await startPostgres();
    });
    for (const collation of ["C", "icu"] as const) {
      describe(`with ${collation} collation`, () => {
        suite(
          prepared("postgres", async () => {
            if (server === undefined) throw new Error("PostgreSQL was not started");
            const url = await server.createDatabase(collation);
            return () => createPostgresDatabase({ clock: createSystemClock(), random: createSystemRandom() }, { url });
          }),
        );
      });
    }
    after(async () => server?.[Symbol.asyncDispose]());
  });
}

function prepared(engine: Database["engine"], makePlace: () => Promise<() => Promise<Database>>): TestDatabases {
  const opened: Database[] = [];
  after(async () => {
    for (const database of opened) await database[Symbol.asyncDispose]();
  });
  const place = async () => {
    const open = await makePlace();
    return async () => {
      const database = await open();
      opened.push(database);
      return database;
    };
  };
  return {
    engine,
    place,
    async fresh(...migrations) {
      const database = await (await place())();
      await runMigrations({ database, clock: createFakeClock() }, migrations);
      return database;
    },
  };
}
