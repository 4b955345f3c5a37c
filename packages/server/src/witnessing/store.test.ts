import assert from "node:assert/strict";
import { test } from "node:test";
import { onEveryDatabase } from "@assay/testkit/databases";
import { witnessMigrations } from "./migrations.ts";
import { addFork, addLog, cosignedAt, forgetOldCosigned, forksOf, logOf, setVkey, swapCosigned } from "./store.ts";
import type { Cosigned } from "./store.ts";

const origin = "log.example.com/a";
const cosigned = (size: number, mark = 0): Cosigned => ({
  size,
  root: new Uint8Array(32).fill(size % 256),
  note: `note ${size} ${mark}`,
  cosignedAt: 1000 + mark,
});

onEveryDatabase("the tables of a witness", (databases) => {
  const withLog = async () => {
    const database = await databases.fresh(witnessMigrations);
    await database.write((transaction) => addLog(transaction, { origin, vkey: "one", addedAtMs: 1 }));
    return database;
  };

  test("a log keeps its key once something is cosigned", async () => {
    const database = await withLog();
    await database.write(async (transaction) => {
      await addLog(transaction, { origin, vkey: "two", addedAtMs: 2 });
      await setVkey(transaction, origin, "two");
    });
    assert.deepEqual(await logOf(database.read, origin), { origin, vkey: "two", last: undefined });
    await database.write((transaction) => swapCosigned(transaction, origin, undefined, cosigned(5)));
    await database.write((transaction) => setVkey(transaction, origin, "three"));
    assert.deepEqual(await logOf(database.read, origin), { origin, vkey: "two", last: cosigned(5) });
    assert.equal(await logOf(database.read, "another"), undefined);
  });

  test("of many swaps from one state one wins", async () => {
    const database = await withLog();
    const swap = (from: Cosigned | undefined, next: Cosigned) =>
      database.write((transaction) => swapCosigned(transaction, origin, from, next));
    const first = await Promise.all([1, 2, 3, 4].map((size) => swap(undefined, cosigned(size))));
    assert.equal(first.filter(Boolean).length, 1);
    const last = (await logOf(database.read, origin))?.last;
    const second = await Promise.all([5, 6, 6, 7].map((size, i) => swap(last, cosigned(size, i))));
    assert.equal(second.filter(Boolean).length, 1);
    assert.equal(await swap(last, cosigned(9)), false);
    const newest = (await logOf(database.read, origin))?.last;
    assert.ok(newest);
    // The same tree cosigned again: a newer note, still one row of its size.
    assert.equal(await swap(newest, { ...newest, note: "newer", cosignedAt: 2000 }), true);
    assert.equal((await cosignedAt(database.read, origin, newest.size))?.note, "newer");
  });

  test("forgets the smallest of what was cosigned", async () => {
    const database = await withLog();
    let last: Cosigned | undefined;
    for (const size of [3, 8, 10, 21, 300]) {
      await database.write((transaction) => swapCosigned(transaction, origin, last, cosigned(size)));
      last = cosigned(size);
    }
    await database.write((transaction) => forgetOldCosigned(transaction, origin, 5));
    assert.ok(await cosignedAt(database.read, origin, 3));
    await database.write((transaction) => forgetOldCosigned(transaction, origin, 2));
    const kept = await Promise.all([3, 8, 10, 21, 300].map((size) => cosignedAt(database.read, origin, size)));
    assert.deepEqual(
      kept.map((each) => each?.size),
      [undefined, undefined, undefined, 21, 300],
    );
  });

  test("keeps each proof once, and not without end", async () => {
    const database = await withLog();
    const add = (digest: string, foundAtMs: number) =>
      database.write((transaction) => addFork(transaction, { origin, digest, document: `of ${digest}`, foundAtMs }, 2));
    assert.deepEqual([await add("b", 1), await add("b", 3), await add("a", 2)], [true, false, true]);
    assert.equal(await add("c", 4), false, "one above the limit was kept");
    assert.deepEqual(await forksOf(database.read, origin), ["of b", "of a"]);
    assert.deepEqual(await forksOf(database.read, "another"), []);
  });
});
