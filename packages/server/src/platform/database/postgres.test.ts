import assert from "node:assert/strict";
import { describe, before, after, test } from "node:test";
import { isAssayError } from "@assay/core";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import { missingPostgres, startPostgres, type TestPostgres } from "@assay/testkit/postgres";
import { sql } from "kysely";
import { createSystemClock } from "../system-clock.ts";
import { columns } from "./columns.ts";
import { createPostgresDatabase } from "./postgres.ts";
import { parsePostgresValue } from "./postgres-values.ts";

const deps = { clock: createSystemClock(), random: createSeededRandom() };

const refused = (pattern: RegExp) => (error: unknown) =>
  isAssayError(error, "DATABASE") && pattern.test(error.details.reason);

test("numbers, conditions and bytes are read as SQLite would answer them", () => {
  assert.equal(parsePostgresValue(20, "-9007199254740991"), Number.MIN_SAFE_INTEGER);
  assert.equal(parsePostgresValue(1700, "12"), 12);
  assert.equal(parsePostgresValue(16, "t"), 1);
  assert.equal(parsePostgresValue(16, "f"), 0);
  assert.equal(parsePostgresValue(701, "1.5"), 1.5);
  assert.deepEqual(parsePostgresValue(17, "\\x00ff"), new Uint8Array([0, 255]));
  assert.equal(parsePostgresValue(25, "12"), "12");
  assert.throws(() => parsePostgresValue(20, "9007199254740992"), RangeError);
  assert.throws(() => parsePostgresValue(1700, "1.5"), RangeError);
  assert.throws(() => parsePostgresValue(17, "abc"), RangeError);
});

test("a server that cannot be reached is refused with the reason", async () => {
  await assert.rejects(
    createPostgresDatabase(deps, { url: "postgres://postgres@127.0.0.1:1/x" }),
    refused(/ECONNREFUSED/),
  );
});

const missing = missingPostgres();

describe("a database on PostgreSQL", { skip: missing ?? false }, () => {
  let server: TestPostgres;
  let url: string;
  before(async () => {
    server = await startPostgres();
    url = await server.createDatabase("C");
  });
  after(() => server[Symbol.asyncDispose]());

  test("a collision of transactions runs the callback again, also when it hid the failure", async () => {
    await using database = await createPostgresDatabase(deps, { url });
    await database.write(async (transaction) => {
      const { table, integer } = columns(transaction);
      await table("counters")
        .addColumn("id", integer, (column) => column.primaryKey())
        .addColumn("count", integer)
        .execute();
      await sql`insert into counters values (1, 0)`.execute(transaction);
    });
    let runs = 0;
    const { promise: bothRead, resolve: meet } = Promise.withResolvers<void>();
    const increase = (hide: boolean) =>
      database.write(async (transaction) => {
        const { rows } = await sql<{ count: number }>`select count from counters`.execute(transaction);
        runs += 1;
        if (runs === 2) meet();
        await bothRead;
        const next = (rows[0]?.count ?? 0) + 1;
        await sql`update counters set count = ${next}`.execute(transaction).catch((error: unknown) => {
          throw hide ? new Error("hidden") : error;
        });
      });
    await Promise.all([increase(true), increase(true), increase(false)]);
    const { rows } = await sql`select count from counters`.execute(database.read);
    assert.deepEqual(rows, [{ count: 3 }]);
    assert.ok(runs > 3);
  });

  test("without a connection in time, and after collisions without end, nothing was done and it says so", async () => {
    const unavailable = (error: unknown) => isAssayError(error, "DATABASE_UNAVAILABLE") && error.status === 503;
    await using one = await createPostgresDatabase(deps, { url, connections: 1, connectWithinMs: 50 });
    const { promise: asked, resolve: release } = Promise.withResolvers<void>();
    const holding = one.write(async (transaction) => {
      await sql`select 1`.execute(transaction);
      await asked;
    });
    await assert.rejects(sql`select 1`.execute(one.read), unavailable);
    await assert.rejects(
      one.write(async () => {}),
      unavailable,
    );
    release();
    await holding;

    await using hasty = await createPostgresDatabase(deps, { url, retryForMs: -1 });
    const { promise: bothRead, resolve: meet } = Promise.withResolvers<void>();
    let readers = 0;
    const increase = (): Promise<void> =>
      hasty.write(async (transaction) => {
        await sql`select count from counters`.execute(transaction);
        if ((readers += 1) === 2) meet();
        await bothRead;
        await sql`update counters set count = count + 1`.execute(transaction);
      });
    const outcomes = await Promise.allSettled([increase(), increase()]);
    assert.ok(outcomes.some((outcome) => outcome.status === "rejected" && unavailable(outcome.reason)));
  });

  test("a server that has no place for one more connection is too busy, for reads too", async () => {
    await using owner = await createPostgresDatabase(deps, { url });
    await owner.write((transaction) => sql`create role few login connection limit 1`.execute(transaction));
    const few = new URL(url);
    few.username = "few";
    await using database = await createPostgresDatabase(deps, { url: few.href, connections: 2 });
    const { promise: asked, resolve: release } = Promise.withResolvers<void>();
    const { promise: holds, resolve: held } = Promise.withResolvers<void>();
    const holding = database.write(async (transaction) => {
      await sql`select 1`.execute(transaction);
      held();
      await asked;
    });
    await holds;
    const outcome = await sql`select 1`.execute(database.read).catch((error: unknown) => error);
    release();
    await holding;
    assert.ok(isAssayError(outcome, "DATABASE_UNAVAILABLE"), String(outcome));
  });

  test("several statements in one text are refused, with and without parameters", async () => {
    await using database = await createPostgresDatabase(deps, { url });
    await assert.rejects(sql`select 1; select 2`.execute(database.read), refused(/multiple commands/));
  });

  test("a database that is not UTF8 is refused", async () => {
    await using database = await createPostgresDatabase(deps, { url });
    await sql`create database latin template template0 encoding 'LATIN1' locale 'C'`.execute(database.read);
    await assert.rejects(createPostgresDatabase(deps, { url: url.replace(/[^/]+$/, "latin") }), refused(/LATIN1/));
  });

  test("a server that dies rejects what runs and does not end this process", async () => {
    const database = await createPostgresDatabase(deps, { url });
    const hanging = database.write((transaction) => sql`select pg_sleep(60)`.execute(transaction));
    const ended = assert.rejects(hanging, refused(/./));
    const idle = database.read.withTables<{ counters: { id: number } }>().selectFrom("counters").select("id");
    await idle.execute();
    await server.kill();
    await ended;
    await assert.rejects(idle.execute(), (error) => isAssayError(error, "DATABASE_UNAVAILABLE"));
    await database[Symbol.asyncDispose]();
  });
});
