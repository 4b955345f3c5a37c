import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { before, test } from "node:test";
import { isAssayError } from "@assay/core";
import { columns } from "@assay/server/platform/database/columns";
import type { Database, Migrations, Reader, Transaction } from "@assay/server/platform/database/database";
import { insertRows, type Row } from "@assay/server/platform/database/rows";
import fc from "fast-check";
import { onEveryDatabase, type TestDatabases } from "./databases.ts";

type ContractTables = {
  items: { name: string; amount: number | null; body: Uint8Array | null };
  counters: { id: number; count: number };
};

const contractMigrations: Migrations = {
  "0001-contract": {
    async up(transaction) {
      const { table, text, integer, blob } = columns(transaction);
      await table("items")
        .addColumn("name", text, (column) => column.primaryKey())
        .addColumn("amount", integer)
        .addColumn("body", blob)
        .execute();
      await table("counters")
        .addColumn("id", integer, (column) => column.primaryKey())
        .addColumn("count", integer, (column) => column.notNull())
        .execute();
    },
  },
};

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(isAssayError(error, "DATABASE"), String(error));
  assert.match(error.details.reason, pattern);
  return true;
};

const items = (executor: Reader | Transaction) => executor.withTables<ContractTables>();

async function add(transaction: Transaction, name: string, amount: number | null = null): Promise<void> {
  await items(transaction).insertInto("items").values({ name, amount, body: null }).execute();
}

async function names(reader: Reader | Transaction): Promise<readonly string[]> {
  const rows = await items(reader).selectFrom("items").select("name").orderBy("name").execute();
  return rows.map((row) => row.name);
}

/** What every `Database` does, on every database that the product supports. */
export function databaseContract(): void {
  onEveryDatabase("a database", (databases) => {
    let database: Database;
    before(async () => {
      database = await databases.fresh(contractMigrations);
    });
    const clear = () =>
      database.write(async (transaction) => {
        await items(transaction).deleteFrom("items").execute();
        await items(transaction).deleteFrom("counters").execute();
      });
    const current = () => database;
    writes(current, clear);
    order(current, clear);
    values(current, clear);
    rows(current, clear);
    closing(databases);
  });
}

type Current = () => Database;
type Clear = () => Promise<unknown>;

function writes(database: Current, clear: Clear): void {
  test("a write answers what its callback answers, and is seen by reads after it", async () => {
    await clear();
    const answer = await database().write(async (transaction) => {
      await add(transaction, "a");
      assert.deepEqual(await names(transaction), ["a"]);
      assert.equal(transaction.engine, database().engine);
      return "done";
    });
    assert.equal(answer, "done");
    assert.deepEqual(await names(database().read), ["a"]);
  });

  test("a callback that throws is undone, and no other is", async () => {
    await clear();
    const broken = new Error("broken");
    const ended = await Promise.allSettled([
      database().write((transaction) => add(transaction, "before")),
      database().write(async (transaction) => {
        await add(transaction, "broken");
        throw broken;
      }),
      database().write((transaction) => add(transaction, "after")),
    ]);
    assert.deepEqual(
      ended.map((end) => end.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.ok(ended[1].status === "rejected" && ended[1].reason === broken);
    assert.deepEqual(await names(database().read), ["after", "before"]);
  });

  test("a failed statement ends its transaction although it was caught, and no other", async () => {
    await clear();
    await database().write((transaction) => add(transaction, "taken"));
    const caught: string[] = [];
    const ended = await Promise.allSettled([
      database().write(async (transaction) => {
        await add(transaction, "lost");
        await add(transaction, "taken").catch(() => caught.push("duplicate"));
        await add(transaction, "later").catch(() => caught.push("later"));
      }),
      database().write((transaction) => add(transaction, "kept")),
    ]);
    assert.deepEqual(caught, ["duplicate", "later"]);
    assert.deepEqual(
      ended.map((end) => end.status),
      ["rejected", "fulfilled"],
    );
    assert.ok(ended[0].status === "rejected" && isAssayError(ended[0].reason, "DATABASE"));
    assert.deepEqual(await names(database().read), ["kept", "taken"]);
  });

  test("a thousand writes at once all arrive, and none is lost to another", async () => {
    await clear();
    await database().write(async (transaction) => {
      await items(transaction).insertInto("counters").values({ id: 1, count: 0 }).execute();
    });
    await Promise.all(
      Array.from({ length: 1000 }, (_, index) => database().write((transaction) => add(transaction, `w${index}`))),
    );
    assert.equal((await names(database().read)).length, 1000);
    await Promise.all(
      Array.from({ length: 40 }, () =>
        database().write(async (transaction) => {
          const { count } = await items(transaction)
            .selectFrom("counters")
            .select("count")
            .where("id", "=", 1)
            .executeTakeFirstOrThrow();
          await items(transaction)
            .updateTable("counters")
            .set({ count: count + 1 })
            .where("id", "=", 1)
            .execute();
        }),
      ),
    );
    const counter = await items(database().read).selectFrom("counters").select("count").executeTakeFirstOrThrow();
    assert.equal(counter.count, 40);
  });

  test("a unique key decides between writes at once", async () => {
    await clear();
    const inserted = await Promise.all(
      Array.from({ length: 20 }, () =>
        database().write(async (transaction) => {
          const row = await items(transaction)
            .insertInto("items")
            .values({ name: "one", amount: 1, body: null })
            .onConflict((conflict) => conflict.column("name").doNothing())
            .returning("name")
            .executeTakeFirst();
          return row !== undefined;
        }),
      ),
    );
    assert.equal(inserted.filter((won) => won).length, 1);
  });

  test("statements that the callback did not wait for are part of the transaction", async () => {
    await clear();
    await database().write(async (transaction) => {
      void add(transaction, "a");
      void add(transaction, "b");
    });
    assert.deepEqual(await names(database().read), ["a", "b"]);
    const failing = database().write(async (transaction) => {
      add(transaction, "c").catch(() => {});
      add(transaction, "a").catch(() => {});
    });
    await assert.rejects(failing, refused(/./));
    assert.deepEqual(await names(database().read), ["a", "b"]);
  });

  test("a transaction is of no use after its callback", async () => {
    await clear();
    let kept: Transaction | undefined;
    await database().write(async (transaction) => {
      kept = transaction;
    });
    assert.ok(kept);
    await assert.rejects(add(kept, "late"), refused(/after the transaction ended/));
    assert.deepEqual(await names(database().read), []);
  });

  test("read and write are refused inside a callback, and allowed to what it leaves running", async () => {
    await clear();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    let later: Promise<readonly string[]> | undefined;
    await database().write(async (transaction) => {
      await add(transaction, "a");
      await assert.rejects(names(database().read), refused(/`read` inside a write/));
      await assert.rejects(
        database().write((inner) => add(inner, "b")),
        refused(/`write` inside a write/),
      );
      later = ended.then(() => names(database().read));
    });
    end();
    assert.deepEqual(await later, ["a"]);
  });

  test("a callback runs in the async context of its caller", async () => {
    const storage = new AsyncLocalStorage<number>();
    const seen = await Promise.all(
      [1, 2, 3].map((number) => storage.run(number, () => database().write(async () => storage.getStore()))),
    );
    assert.deepEqual(seen, [1, 2, 3]);
  });

  test("afterCommit calls back after the commit, and never for what was undone", async () => {
    await clear();
    const calls: string[] = [];
    await database().write(async (transaction) => {
      transaction.afterCommit(() => calls.push("committed"));
      await add(transaction, "a");
      assert.deepEqual(calls, []);
    });
    await assert.rejects(
      database().write(async (transaction) => {
        transaction.afterCommit(() => calls.push("undone"));
        throw new Error("broken");
      }),
    );
    assert.deepEqual(calls, ["committed"]);
  });

  test("read refuses changes and transactions of its own", async () => {
    await clear();
    const change = items(database().read).insertInto("items").values({ name: "x", amount: 1, body: null });
    await assert.rejects(change.execute(), refused(/outside `write`/));
    await assert.rejects(database().read.schema.dropTable("items").execute(), refused(/outside `write`/));
    await assert.rejects(
      database()
        .read.transaction()
        .execute(async () => {}),
      refused(/Database\.write/),
    );
    assert.deepEqual(await names(database().read), []);
  });
}

function order(database: Current, clear: Clear): void {
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

  test("text sorts, compares and is unique by its UTF-8 bytes", async () => {
    await clear();
    const words = [
      "a",
      "B",
      "Z",
      "z",
      "_",
      "-",
      "~",
      "aa",
      "a-",
      "a.",
      "é",
      "e\u0301",
      "ß",
      "ss",
      "\uffee",
      "\u{1f600}",
      "Ä",
      "1",
      "10",
      "2",
      " ",
    ];
    await database().write((transaction) =>
      insertRows(
        transaction,
        "items",
        words.map((name) => ({ name, amount: 1 })),
      ),
    );
    assert.deepEqual(await names(database().read), [...words].sort(byBytes));
    for (const from of words) {
      const above = await items(database().read)
        .selectFrom("items")
        .select("name")
        .where("name", ">=", from)
        .orderBy("name")
        .execute();
      assert.deepEqual(
        above.map((row) => row.name),
        words.filter((word) => byBytes(word, from) >= 0).sort(byBytes),
      );
    }
    const { last } = await items(database().read)
      .selectFrom("items")
      .select((expression) => expression.fn.max("name").as("last"))
      .executeTakeFirstOrThrow();
    assert.equal(last, "\u{1f600}");
  });
}

const safeInteger = fc.oneof(fc.integer(), fc.maxSafeInteger());
const storableText = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"));

function values(database: Current, clear: Clear): void {
  test("text, integers, bytes and null are read as they were written, in plain objects", async () => {
    const row = fc.record(
      {
        name: storableText,
        amount: fc.oneof(safeInteger, fc.constant(null)),
        body: fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.constant(null)),
      },
      { noNullPrototype: true },
    );
    await fc.assert(
      fc.asyncProperty(row, async (written) => {
        await clear();
        const inside = await database().write(async (transaction) => {
          await items(transaction).insertInto("items").values(written).execute();
          return items(transaction).selectFrom("items").selectAll().execute();
        });
        const outside = await items(database().read).selectFrom("items").selectAll().execute();
        assert.deepStrictEqual(inside, [written]);
        assert.deepStrictEqual(outside, [written]);
      }),
      { numRuns: 40 },
    );
  });

  test("a view into a larger buffer is stored alone", async () => {
    await clear();
    const body = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    const stored = await database().write(async (transaction) => {
      await items(transaction).insertInto("items").values({ name: "view", amount: 1, body }).execute();
      return items(transaction).selectFrom("items").select("body").executeTakeFirstOrThrow();
    });
    assert.deepEqual(stored.body, new Uint8Array([2, 3]));
  });

  test("booleans become 0 and 1, conditions are answered as 0 and 1, and sums as numbers", async () => {
    await clear();
    await database().write((transaction) =>
      insertRows(transaction, "items", [
        { name: "yes", amount: true },
        { name: "no", amount: false },
        { name: "many", amount: 41 },
      ]),
    );
    const answer = await items(database().read)
      .selectFrom("items")
      .select(({ fn, eb }) => [
        fn.countAll().as("count"),
        fn.sum("amount").as("sum"),
        fn.max("amount").as("max"),
        eb("name", "=", "yes").as("condition"),
      ])
      .groupBy("name")
      .orderBy("name")
      .execute();
    assert.deepEqual(answer, [
      { count: 1, sum: 41, max: 41, condition: 0 },
      { count: 1, sum: 0, max: 0, condition: 0 },
      { count: 1, sum: 1, max: 1, condition: 1 },
    ]);
  });

  test("refuses parameters that an engine would store as something else", async () => {
    await clear();
    const bad: unknown[] = [
      undefined,
      new Date(0),
      {},
      Number.NaN,
      Infinity,
      2 ** 53,
      2n ** 53n,
      "a\0b",
      "\ud800",
      Symbol("x"),
    ];
    for (const value of bad) {
      const query = (executor: Reader | Transaction) =>
        items(executor)
          .selectFrom("items")
          .selectAll()
          .where("name", "=", value as string)
          .execute();
      await assert.rejects(query(database().read), refused(/parameter 1 is /), String(value));
      await assert.rejects(database().write(query), refused(/parameter 1 is /), String(value));
    }
  });

  test("refuses to read an integer beyond 2^53", async () => {
    await clear();
    await database().write(async (transaction) => {
      await add(transaction, "large", Number.MAX_SAFE_INTEGER);
      await items(transaction)
        .updateTable("items")
        .set((expression) => ({ amount: expression("amount", "+", 1) }))
        .execute();
    });
    const query = (executor: Reader | Transaction) => items(executor).selectFrom("items").select("amount").execute();
    await assert.rejects(query(database().read), refused(/./));
    await assert.rejects(database().write(query), refused(/./));
  });

  test("a column takes values of its own kind only", async () => {
    await clear();
    for (const row of [
      { name: "x", amount: "ten" },
      { name: "x", amount: 1.5 },
    ]) {
      const insert = database().write((transaction) => insertRows(transaction, "items", [row]));
      await assert.rejects(insert, refused(/./));
    }
  });
}

function rows(database: Current, clear: Clear): void {
  const some = (count: number): Row[] =>
    Array.from({ length: count }, (_, index) => ({ name: `row ${index}`, amount: index }));

  test("insertRows inserts thousands of rows, and counts what it inserted", async () => {
    await clear();
    assert.equal(await database().write((transaction) => insertRows(transaction, "items", some(1500))), 1500);
    const inserted = await database().write((transaction) =>
      insertRows(transaction, "items", some(5000), { onConflict: "ignore" }),
    );
    assert.equal(inserted, 3500);
    assert.equal((await names(database().read)).length, 5000);
    assert.equal(await database().write((transaction) => insertRows(transaction, "items", [])), 0);
  });

  test("insertRows leaves nothing behind when one row is refused", async () => {
    await clear();
    await database().write((transaction) => insertRows(transaction, "items", [{ name: "row 900", amount: 0 }]));
    await assert.rejects(
      database().write((transaction) => insertRows(transaction, "items", some(1000))),
      refused(/./),
    );
    assert.deepEqual(await names(database().read), ["row 900"]);
  });

  test("insertRows refuses ragged rows and names that are not plain", async () => {
    await clear();
    const refusals: readonly (readonly [string, readonly Row[]])[] = [
      ["items", [{ name: "a", amount: 1 }, { name: "b" }]],
      ["items", [{ name: "a" }, { amount: 1 }]],
      ["items", [{}]],
      ['items" --', [{ name: "a" }]],
      ["items", [{ 'name") values (1)--': "a" }]],
    ];
    for (const [table, ragged] of refusals)
      await assert.rejects(
        database().write((transaction) => insertRows(transaction, table, ragged)),
        refused(/./),
      );
    assert.deepEqual(await names(database().read), []);
  });
}

function closing(databases: TestDatabases): void {
  test("closing waits for queued writes and refuses new ones; what was written is there after opening again", async () => {
    const open = await databases.place();
    const first = await open();
    await first.write(async (transaction) => contractMigrations["0001-contract"]?.up(transaction));
    const queued = Array.from({ length: 20 }, (_, index) =>
      first.write((transaction) => add(transaction, `q${index}`)),
    );
    await Promise.all([...queued, first[Symbol.asyncDispose]()]);
    await assert.rejects(
      first.write((transaction) => add(transaction, "late")),
      refused(/closed/),
    );
    await first[Symbol.asyncDispose]();
    const second = await open();
    assert.equal((await names(second.read)).length, 20);
  });
}
