import assert from "node:assert/strict";
import { test } from "node:test";
import { onEveryDatabase } from "@assay/testkit/databases";
import { gossipMigrations, witnessMigrations } from "./migrations.ts";
import { forgetShown, gossipNewest, keepShown, keptOrigins, keptShown, swapGossipNewest } from "./store-gossip.ts";
import { addFork, forksOf } from "./store.ts";

const shown = (origin: string, size: number, mark = 0) => ({
  origin,
  size,
  root: new Uint8Array(32).fill(mark),
  note: `note ${size} ${mark}`,
});

onEveryDatabase("what gossip remembers", (databases) => {
  test("of two swaps from one value one wins", async () => {
    const database = await databases.fresh(gossipMigrations);
    const swap = (previous: string | undefined, next: string) =>
      database.write((transaction) => swapGossipNewest(transaction, "key", previous, next));
    assert.deepEqual((await Promise.all([swap(undefined, "a"), swap(undefined, "b")])).filter(Boolean), [true]);
    const stands = await gossipNewest(database.read, "key");
    assert.deepEqual([await swap("c", "d"), await swap(stands, "d"), await swap(stands, "e")], [false, true, false]);
    assert.equal(await gossipNewest(database.read, "key"), "d");
    assert.equal(await gossipNewest(database.read, "another"), undefined);
  });

  test("each tree is kept once, the smallest first, up to a number for each log", async () => {
    const database = await databases.fresh(gossipMigrations);
    const keep = (each: ReturnType<typeof shown>) =>
      database.write((transaction) => keepShown(transaction, each, { receivedAtMs: 1, most: 3 }));
    for (const each of [shown("a", 7), shown("a", 5), shown("a", 7), shown("b", 1)]) assert.ok(await keep(each));
    assert.ok(await keep(shown("a", 7, 1)));
    assert.equal(await keep(shown("a", 9)), false);
    const sizes = async (origin: string) => (await keptShown(database.read, origin)).map(({ size }) => size);
    assert.deepEqual([await sizes("a"), await sizes("b"), await sizes("c")], [[5, 7, 7], [1], []]);
    assert.deepEqual(await keptOrigins(database.read), ["a", "b"]);
    await database.write((transaction) => forgetShown(transaction, shown("a", 7)));
    const left = await keptShown(database.read, "a");
    assert.deepEqual(
      left.map(({ size, root, note }) => [size, root[0], note]),
      [
        [5, 0, "note 5 0"],
        [7, 1, "note 7 1"],
      ],
    );
  });

  test("evidence has its place beside a witness and without one", async () => {
    for (const migrations of [[gossipMigrations], [witnessMigrations, gossipMigrations]]) {
      const database = await databases.fresh(...migrations);
      const fork = { origin: "a", digest: "d", document: "{}", foundAtMs: 1 };
      assert.equal(await database.write((transaction) => addFork(transaction, fork, 9)), true);
      assert.deepEqual(await forksOf(database.read, "a"), ["{}"]);
    }
  });
});
