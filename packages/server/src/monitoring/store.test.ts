import assert from "node:assert/strict";
import { test } from "node:test";
import { onEveryDatabase } from "@assay/testkit/databases";
import { monitorMigrations } from "./migrations.ts";
import { addFinding, countFindings, findingsAfter, markPosted, unpostedFindings } from "./store-findings.ts";
import { addOwnBinds, closeOwnBinds, openOwnBinds } from "./store-own.ts";
import {
  addShard,
  chainsOf,
  markShard,
  moveChecked,
  noteOf,
  putChains,
  putStanding,
  shardsOf,
  standingOf,
  swapNote,
} from "./store.ts";

const digest = (n: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (n >> (8 * (i % 4))) & 255);
const shard = (vkey: string, number: number) => ({
  vkey,
  lineage: "first",
  origin: `log.example.com/${vkey}`,
  url: `https://log.example.com/${vkey}`,
  number,
  isFinal: false,
});

onEveryDatabase("the tables of a monitor", (databases) => {
  const fresh = () => databases.fresh(monitorMigrations);

  test("shards stand in their order, once", async () => {
    const database = await fresh();
    await database.write(async (transaction) => {
      await addShard(transaction, shard("first", 0));
      await addShard(transaction, shard("later", 1));
      await addShard(transaction, { ...shard("before", -1), isFinal: true, note: "its end" });
      await addShard(transaction, { ...shard("first", 0), url: "https://elsewhere.example.com" });
      await addShard(transaction, { ...shard("foreign", 0), lineage: "another" });
      await markShard(transaction, "first", "is_final");
      await markShard(transaction, "later", "is_forked");
    });
    const rows = await shardsOf(database.read, "first");
    assert.deepEqual(
      rows.map(({ vkey, note, isFinal, isForked, url }) => [vkey, note, isFinal, isForked, url]),
      [
        ["before", "its end", true, false, "https://log.example.com/before"],
        ["first", undefined, true, false, "https://log.example.com/first"],
        ["later", undefined, false, true, "https://log.example.com/later"],
      ],
    );
  });

  test("of two moves from one state one wins", async () => {
    const database = await fresh();
    await database.write((transaction) => addShard(transaction, shard("first", 0)));
    const swap = (previous: string | undefined, next: string) =>
      database.write((transaction) => swapNote(transaction, "first", previous, next));
    assert.deepEqual((await Promise.all([swap(undefined, "a"), swap(undefined, "b")])).filter(Boolean), [true]);
    const stands = (await noteOf(database.read, "first")) ?? "";
    assert.deepEqual([await swap("c", "d"), await swap(stands, "d")], [false, true]);
    const move = (from: number, to: number) =>
      database.write((transaction) => moveChecked(transaction, "first", { from, to, time: 7 }));
    assert.deepEqual((await Promise.all([move(0, 5), move(0, 5)])).filter(Boolean), [true]);
    assert.equal(await move(4, 9), false);
    const [row] = await shardsOf(database.read, "first");
    assert.deepEqual([row?.checked, row?.checkedTime, row?.note], [5, 7, "d"]);
  });

  test("more digests than fit one statement are found, and the last word stands", async () => {
    const database = await fresh();
    const count = 1203;
    const digests = Array.from({ length: count }, (_, i) => digest(i));
    await database.write(async (transaction) => {
      const chains = digests.map((each, i) => ({ digest: each, seq: 1, idx: i }));
      await putChains(transaction, "first", chains);
      await putChains(transaction, "first", [{ digest: digest(7), seq: 2, idx: 9000 }]);
      await putStanding(
        transaction,
        "first",
        chains.map(({ digest: each, idx }) => ({ digest: each, vkey: "a", idx })),
      );
      await putStanding(transaction, "first", [{ digest: digest(7), vkey: "b", idx: 3 }]);
    });
    const found = await chainsOf(database.read, "first", [...digests, digest(5000)]);
    assert.equal(found.length, count);
    const seventh = found.find(({ idx }) => idx === 9000);
    assert.deepEqual([seventh?.seq, Buffer.from(seventh?.digest ?? []).equals(digest(7))], [2, true]);
    const standing = await standingOf(database.read, "first", digests);
    assert.equal(standing.length, count);
    assert.equal(standing.filter(({ vkey, idx }) => vkey === "b" && idx === 3).length, 1);
    assert.deepEqual(await chainsOf(database.read, "another", digests), []);
    assert.deepEqual(await standingOf(database.read, "another", digests), []);
  });

  test("own binds stay open until they are closed, the longest known first", async () => {
    const database = await fresh();
    const bind = (idx: number, seenAtMs: number) => ({
      vkey: "first",
      idx,
      name: "@acme/a",
      version: `1.0.${idx}`,
      integrity: "sha512-x",
      seenAtMs,
    });
    await database.write(async (transaction) => {
      await addOwnBinds(transaction, [bind(3, 20), bind(4, 10)]);
      await addOwnBinds(transaction, [bind(3, 99), bind(5, 20)]);
    });
    assert.deepEqual(await openOwnBinds(database.read), [bind(4, 10), bind(3, 20), bind(5, 20)]);
    await database.write((transaction) => closeOwnBinds(transaction, [bind(3, 20)]));
    await database.write((transaction) => addOwnBinds(transaction, [bind(3, 30)]));
    assert.deepEqual(await openOwnBinds(database.read), [bind(4, 10), bind(5, 20)]);
  });

  test("a finding is kept once, in order, and waits until it is posted", async () => {
    const database = await fresh();
    const finding = (name: string, index?: number) => ({
      rule: "record",
      severity: "violation" as const,
      origin: "log.example.com",
      index,
      sentence: `About ${name}.`,
      evidence: "{}\n",
      foundAtMs: 5,
    });
    const add = (name: string, index?: number) =>
      database.write((transaction) => addFinding(transaction, { digest: name, ...finding(name, index) }));
    assert.deepEqual([await add("a", 7), await add("b"), await add("a", 8), await add("c")], [true, true, false, true]);
    const all = await findingsAfter(database.read, 0, 10);
    assert.deepEqual(
      all,
      [finding("a", 7), finding("b"), finding("c")].map((each, i) => ({ id: all[i]?.id, ...each })),
    );
    const [first, second] = all;
    assert.ok(first && second);
    assert.deepEqual(await findingsAfter(database.read, first.id, 1), [second]);
    await database.write((transaction) => markPosted(transaction, first.id, 9));
    assert.deepEqual(
      (await unpostedFindings(database.read, 10)).map(({ sentence }) => sentence),
      ["About b.", "About c."],
    );
    assert.deepEqual(await countFindings(database.read), new Map([["violation", 3]]));
  });
});
