import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isAssayError } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { sql } from "kysely";
import { columns } from "./columns.ts";
import type { Database, Transaction } from "./database.ts";
import { openSqlite } from "./sqlite-shim.ts";
import { createSqliteDatabase } from "./sqlite.ts";

type Tables = { items: { name: string; parent: string | null } };

const refused = (pattern: RegExp) => (error: unknown) =>
  isAssayError(error, "DATABASE") && pattern.test(error.details.reason);

async function makeItems(t: TestContext): Promise<{ database: Database; path: string }> {
  const open: Database[] = [];
  t.after(() => open[0]?.[Symbol.asyncDispose]());
  const path = join(tempFolder(t), "items.sqlite");
  const database = await createSqliteDatabase({ path, busyTimeoutMs: 50 });
  open.push(database);
  await database.write(async (transaction) => {
    const { table, text } = columns(transaction);
    await table("items")
      .addColumn("name", text, (column) => column.primaryKey())
      .addColumn("parent", text, (column) =>
        column.references("items.name").modifyEnd(sql`deferrable initially deferred`),
      )
      .execute();
  });
  return { database, path };
}

const add = async (transaction: Transaction, name: string, parent: string | null = null): Promise<void> => {
  await transaction.withTables<Tables>().insertInto("items").values({ name, parent }).execute();
};

const names = async (database: Database) => {
  const rows = await database.read.withTables<Tables>().selectFrom("items").select("name").orderBy("name").execute();
  return rows.map((row) => row.name);
};

test("writes that are queued together share one commit: nobody hears before all have run", async (t) => {
  const { database } = await makeItems(t);
  const happened: string[] = [];
  const write = async (name: string) => {
    await database.write(async (transaction) => {
      await add(transaction, name);
      assert.deepEqual(await namesInside(transaction), ["a", "b", "c"].slice(0, happened.length + 1));
      happened.push(`${name} ran`);
    });
    happened.push(`${name} heard`);
  };
  await Promise.all([write("a"), write("b"), write("c")]);
  assert.deepEqual(happened, ["a ran", "b ran", "c ran", "a heard", "b heard", "c heard"]);
});

const namesInside = async (transaction: Transaction) => {
  const rows = await transaction.withTables<Tables>().selectFrom("items").select("name").orderBy("name").execute();
  return rows.map((row) => row.name);
};

test("reads do not see a group before its commit", async (t) => {
  const { database } = await makeItems(t);
  const { promise: inside, resolve: entered } = Promise.withResolvers<void>();
  const { promise: seen, resolve: leave } = Promise.withResolvers<void>();
  const written = database.write(async (transaction) => {
    await add(transaction, "a");
    entered();
    await seen;
  });
  await inside;
  assert.deepEqual(await names(database), []);
  leave();
  await written;
  assert.deepEqual(await names(database), ["a"]);
});

test("a failing COMMIT rejects all of its group, and the next group is not affected", async (t) => {
  const { database } = await makeItems(t);
  const thrown = new Error("thrown by a callback");
  const ended = await Promise.allSettled([
    database.write((transaction) => add(transaction, "good")),
    database.write((transaction) => add(transaction, "orphan", "nobody")),
    // What it decided was decided on rows that are gone now.
    database.write(async () => {
      throw thrown;
    }),
  ]);
  for (const end of ended) assert.ok(end.status === "rejected" && refused(/FOREIGN KEY/)(end.reason));
  await database.write((transaction) => add(transaction, "later"));
  assert.deepEqual(await names(database), ["later"]);
});

test("a lock of another process is waited for, and then refused; it heals", async (t) => {
  const { database, path } = await makeItems(t);
  const other = openSqlite({ path, access: "write", busyTimeoutMs: 50 });
  other.run("begin immediate");
  const ended = await Promise.allSettled([
    database.write((transaction) => add(transaction, "a")),
    database.write(async () => "nothing to do"),
  ]);
  for (const end of ended) assert.ok(end.status === "rejected" && refused(/locked/)(end.reason));
  other.run("rollback");
  other.close();
  await database.write((transaction) => add(transaction, "b"));
  assert.deepEqual(await names(database), ["b"]);
});

test("two databases on one file take turns", async (t) => {
  const { path } = await makeItems(t);
  await using one = await createSqliteDatabase({ path });
  await using other = await createSqliteDatabase({ path });
  await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      (index % 2 ? one : other).write((transaction) => add(transaction, `n${index}`)),
    ),
  );
  assert.equal((await names(one)).length, 60);
});

test("more different statements than are kept still run", async (t) => {
  const { database } = await makeItems(t);
  await database.write(async (transaction) => {
    for (let round = 0; round < 2; round += 1) {
      for (let number = 0; number < 600; number += 1) {
        const { rows } = await sql<{ answer: number }>`select ${sql.raw(String(number))} + ${round} as answer`.execute(
          transaction,
        );
        assert.deepEqual(rows, [{ answer: number + round }]);
      }
    }
  });
});

test("a statement given after a change of the schema sees the new columns", async (t) => {
  const { database } = await makeItems(t);
  const all = (transaction: Transaction) => sql`select * from items`.execute(transaction);
  await database.write(async (transaction) => {
    await add(transaction, "a");
    assert.deepEqual((await all(transaction)).rows, [{ name: "a", parent: null }]);
    await transaction.schema.alterTable("items").renameColumn("parent", "above").execute();
    assert.deepEqual((await all(transaction)).rows, [{ name: "a", above: null }]);
  });
});

test("results are not streamed, and several statements in one text are refused", async (t) => {
  const { database } = await makeItems(t);
  const stream = async () => {
    for await (const row of database.read.withTables<Tables>().selectFrom("items").selectAll().stream()) void row;
  };
  await assert.rejects(stream, refused(/streaming/));
  await assert.rejects(sql`select 1; select 2`.execute(database.read), refused(/more than one statement/));
  await assert.rejects(
    database.write((transaction) => sql`select 1; select 2`.execute(transaction)),
    refused(/more than one statement/),
  );
});

test("a file that is no database is refused with the reason", async (t) => {
  const path = join(tempFolder(t), "wrong.sqlite");
  writeFileSync(path, "this is not a database, whatever its name says".repeat(100));
  await assert.rejects(createSqliteDatabase({ path }), refused(/not a database/));
});
