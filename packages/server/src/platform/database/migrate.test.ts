import assert from "node:assert/strict";
import { test } from "node:test";
import { isAssayError } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { eventMigrations } from "../events/outbox.ts";
import { jobMigrations } from "../jobs/queue.ts";
import { columns } from "./columns.ts";
import type { Database, Migration, Migrations } from "./database.ts";
import { migrationChecksum, runMigrations, type MigrationProgress } from "./migrate.ts";

const makes = (name: string): Migration => ({
  async up(transaction) {
    const { table, integer, text } = columns(transaction);
    await table(name)
      .addColumn("id", integer, (column) => column.primaryKey())
      .addColumn("note", text)
      .execute();
  },
});

const first: Migrations = { "0001-a": makes("a"), "0003-c": makes("c") };
const second: Migrations = { "0002-b": makes("b") };
const clock = createFakeClock();

const applied = async (database: Database) => {
  const tables = database.read.withTables<{ schema_migrations: { name: string; applied_at_ms: number } }>();
  const rows = await tables.selectFrom("schema_migrations").select(["name", "applied_at_ms"]).orderBy("name").execute();
  return rows.map((row) => row.name);
};

const exists = (database: Database, name: string) =>
  database.read
    .withTables<Record<string, { id: number }>>()
    .selectFrom(name)
    .select("id")
    .execute()
    .then(
      () => true,
      () => false,
    );

const refused = (pattern: RegExp) => (error: unknown) =>
  isAssayError(error, "DATABASE") && pattern.test(error.details.reason);

onEveryDatabase("migrations", (databases) => {
  test("run once, in the order of their names across rooms, and say how far they are", async () => {
    const database = await (await databases.place())();
    const progress: MigrationProgress[] = [];
    const onProgress = (step: MigrationProgress) => progress.push(step);
    const names = await runMigrations({ database, clock, onProgress }, [first, second]);
    assert.deepEqual(names, ["0001-a", "0002-b", "0003-c"]);
    assert.deepEqual(
      progress.map((step) => `${step.number}/${step.total} ${step.name}`),
      ["1/3 0001-a", "2/3 0002-b", "3/3 0003-c"],
    );
    assert.deepEqual(await runMigrations({ database, clock, onProgress }, [second, first]), []);
    assert.equal(progress.length, 3);
    assert.deepEqual(await applied(database), names);
  });

  test("one that fails leaves nothing of itself; the next run goes on from there", async () => {
    const database = await (await databases.place())();
    let broken = true;
    const sometimes: Migrations = {
      "0002-b": {
        async up(transaction) {
          await makes("b").up(transaction);
          // Not while the checksum is taken, which happens first.
          if (
            broken &&
            (await transaction.withTables<{ a: { id: number } }>().selectFrom("a").select("id").execute()).length > 0
          )
            throw new Error("half way");
        },
      },
    };
    await runMigrations({ database, clock }, [{ "0001-a": makes("a") }]);
    await database.write((transaction) =>
      transaction.withTables<{ a: { id: number } }>().insertInto("a").values({ id: 1 }).execute(),
    );
    await assert.rejects(runMigrations({ database, clock }, [first, sometimes]), /half way/);
    assert.deepEqual(await applied(database), ["0001-a"]);
    assert.equal(await exists(database, "b"), false);
    broken = false;
    assert.deepEqual(await runMigrations({ database, clock }, [first, sometimes]), ["0002-b", "0003-c"]);
  });

  test("refuses a database that a newer version has changed, and changes nothing", async () => {
    const database = await databases.fresh(first, second);
    await assert.rejects(
      runMigrations({ database, clock }, [first, { "0004-d": makes("d") }]),
      refused(/0002-b was applied by another/),
    );
    assert.equal(await exists(database, "d"), false);
  });

  test("refuses a migration that is not the one that was applied", async () => {
    const database = await databases.fresh(first);
    await assert.rejects(
      runMigrations({ database, clock }, [{ ...first, "0003-c": makes("other") }]),
      refused(/0003-c is not the one/),
    );
  });

  test("refuses a name that two rooms use, and names that do not sort", async () => {
    const database = await (await databases.place())();
    await assert.rejects(
      runMigrations({ database, clock }, [first, first]),
      refused(/two migrations are named 0001-a/),
    );
    for (const name of ["1-a", "0001", "0001-A", "0001_a"])
      await assert.rejects(runMigrations({ database, clock }, [{ [name]: makes("a") }]), refused(/migration name/));
  });

  test("processes that start at once apply each one once", async () => {
    const open = await databases.place();
    const all = [await open(), await open(), await open()];
    const ran = await Promise.all(all.map((database) => runMigrations({ database, clock }, [first, second])));
    assert.deepEqual(ran.flat().sort(), ["0001-a", "0002-b", "0003-c"]);
  });

  test("the platform's own are the ones that databases out there have", async () => {
    // A difference here means that existing databases refuse to start: add a migration instead.
    const pinned = pinnedChecksums[databases.engine];
    for (const [name, migration] of Object.entries({ ...jobMigrations, ...eventMigrations }))
      assert.equal(await migrationChecksum(databases.engine, migration), pinned[name], name);
  });
});

const pinnedChecksums: Readonly<Record<Database["engine"], Readonly<Record<string, string>>>> = {
  sqlite: {
    "0002-platform-jobs": "sha256-540490ba228a425189f516b786b9d4e13c8314dfb919d8ca4267aae8080cb472",
    "0003-platform-events": "sha256-a75d3844e52ad84cf24706a1e6c10c30c6a9462b89d8ba6134631175e312e8ba",
    "0190-platform-audited-events": "sha256-916e52200fbea24923a4d331fe1cea5295e92930ac78258700ec6df213d21b10",
  },
  postgres: {
    "0002-platform-jobs": "sha256-0b3f096eb526405db855be14a4e12abd422db5598ed8936c19c3754819fe2170",
    "0003-platform-events": "sha256-8d1256a9448fdf4ab03ec82b78a2a18d2a70d59be1c3ca4f3b1643321b1f5b1a",
    "0190-platform-audited-events": "sha256-72455a0c677fc178ed224a1595a68e3784aaed3077a453739ad9bfe3bae916ba",
  },
};
