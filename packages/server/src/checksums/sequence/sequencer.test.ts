import assert from "node:assert/strict";
import { after, test } from "node:test";
import { parseRecord } from "@assay/core";
import type { EpochMs, BindRecord } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { Clock } from "../../platform/clock.ts";
import { runMigrations } from "../../platform/database/migrate.ts";
import { entriesBetween } from "../store.ts";
import { headOf } from "../store-shards.ts";
import { assertSound, createTestLog, logMigrations } from "../test-log.ts";
import type { CrashPoint } from "./steps.ts";

const crashPoints: readonly CrashPoint[] = [
  "before-assign",
  "assigned",
  "tiles-stored",
  "guarded-in-database",
  "guarded-in-file",
  "signed",
  "swapped",
  "published",
];

const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

/** Throws at one point, as if the process had ended there. */
function dieAt(point: CrashPoint) {
  return (passed: CrashPoint) => {
    if (passed === point) throw new Error(`died at ${point}`);
  };
}

onEveryDatabase("the sequencer", (databases) => {
  const folder = () => tempFolder({ after });
  const freshLog = async (clock?: Clock) =>
    createTestLog({
      database: await databases.fresh(...logMigrations),
      folder: folder(),
      ...(clock && { clock }),
    });

  test("signs the empty log first, then covers every claim in the order of the claims", async () => {
    const log = await freshLog();
    const sequencer = await log.sequencer();
    await sequencer.takeOver();
    assert.equal(await sequencer.commit(), 0);
    assert.match(sequencer.signed.get(sequencer.shard.id)?.note ?? "", /\n0\n47DEQpj8HBSa/);
    await log.claim(0, 300);
    assert.equal(await sequencer.commit(), 300);
    assert.equal(await sequencer.commit(), "idle");
    const entries = await entriesBetween(log.database.read, sequencer.shard.id, 0, 300);
    assert.deepEqual(
      entries.map((entry) => entry.record.match(/^version 1\.0\.(.*)$/m)?.[1]),
      range(0, 300).map(String),
    );
    await assertSound(log, await log.open(), range(0, 300));
  });

  test("links the records of each package by seq and prev", async () => {
    const log = await freshLog();
    await log.claim(0, 20);
    await log.settle();
    await log.claim(20, 20);
    const checksums = await log.settle();
    const shard = checksums.logs.list()[0]?.shard ?? "";
    const last = new Map<string, { seq: number; idx: number }>();
    for (const { idx, record } of await entriesBetween(log.database.read, shard, 0, 40)) {
      const { name, seq, prev } = parseRecord(record) as BindRecord;
      const before = last.get(name);
      assert.deepEqual([seq, prev], [(before?.seq ?? 0) + 1, before?.idx ?? "-"]);
      last.set(name, { seq, idx: idx });
    }
    assert.equal(last.size, 7);
  });

  test("gives every record of a private log another nonce, and none to a public log's", async () => {
    for (const visibility of ["private", "public"] as const) {
      const log = await createTestLog({
        database: await databases.fresh(...logMigrations),
        folder: folder(),
        config: { visibility },
      });
      await log.claim(0, 30);
      const checksums = await log.settle();
      const shard = checksums.logs.list()[0]?.shard ?? "";
      const entries = await entriesBetween(log.database.read, shard, 0, 30);
      const nonces = new Set(entries.map(({ record }) => (parseRecord(record) as BindRecord).nonce));
      assert.equal(nonces.size, visibility === "private" ? 30 : 1);
      assert.equal(nonces.has("-"), visibility === "public");
    }
  });

  test("never lets the time of a record fall below the one before it", async () => {
    const wall = createFakeClock();
    let now = wall.now();
    const log = await freshLog({ ...wall, now: () => now });
    await log.claim(0, 1);
    await log.settle();
    now = (now - 3_600_000) as EpochMs;
    await log.claim(1, 1);
    await assertSound(log, await log.settle(), [0, 1]);
  });

  for (const point of crashPoints)
    test(`a crash at ${point} loses nothing, assigns nothing twice and forks nothing`, async () => {
      const open = await databases.place();
      const where = folder();
      let database = await open();
      await runMigrations({ database, clock: createFakeClock() }, logMigrations);
      const seen: string[] = [];
      const counts = [3, 260];
      // One crash in the very first commit, one while a tile and a bundle become full.
      for (const [round, count] of counts.entries()) {
        let log = await createTestLog({ database, folder: where, seed: 2 * round });
        await log.claim(round * 1000, count);
        const dying = await log.sequencer(dieAt(point));
        await dying.takeOver();
        await assert.rejects(dying.commit(), new RegExp(`died at ${point}`));
        const note = dying.signed.get(dying.shard.id)?.note;
        if (note !== undefined) seen.push(note);
        const assigned = (await headOf(database.read, dying.shard.id))?.assignedSize ?? 0;
        const before = await entriesBetween(database.read, dying.shard.id, 0, assigned);

        await database[Symbol.asyncDispose]();
        database = await open();
        log = await createTestLog({ database, folder: where, seed: 2 * round + 1 });
        // A claim that arrives between the crash and the next start must not change what is assigned.
        await log.claim(round * 1000 + count, 1);
        const checksums = await log.settle();
        const after = await entriesBetween(database.read, dying.shard.id, 0, assigned);
        assert.deepEqual(after, before);
        const numbers = counts.slice(0, round + 1).flatMap((n, r) => range(r * 1000, n + 1));
        await assertSound(log, checksums, numbers, seen);
      }
    });

  test("goes on after a failure in the middle of a commit without being opened again", async () => {
    const log = await freshLog();
    await log.settle();
    let isFailing = true;
    const sequencer = await log.sequencer((point) => {
      if (point === "tiles-stored" && isFailing) throw new Error("the disk is full");
    });
    await sequencer.takeOver();
    await log.claim(0, 5);
    await assert.rejects(sequencer.commit(), /the disk is full/);
    await assert.rejects(sequencer.commit(), /the disk is full/);
    isFailing = false;
    await log.claim(5, 5);
    assert.equal(await sequencer.commit(), 5);
    assert.equal(await sequencer.commit(), 5);
    await assertSound(log, await log.open(), range(0, 10));
  });

  for (const point of crashPoints.slice(0, crashPoints.indexOf("swapped")))
    test(`a sequencer that is overtaken at ${point} publishes nothing and the log does not fork`, async () => {
      const log = await freshLog();
      await log.settle();
      await log.claim(0, 20);
      const second = await log.sequencer();
      const slow = await log.sequencer(async (passed) => {
        if (passed !== point) return;
        await second.takeOver();
        await log.claim(300, 10);
        while ((await second.commit()) !== "idle");
        await log.claimDirectly(400, 1);
      });
      await slow.takeOver();
      await assert.rejects(slow.commit(), { code: "LOG_FENCED" });
      await assert.rejects(slow.commit(), { code: "LOG_FENCED" });
      assert.equal(slow.signed.get(slow.shard.id), undefined);
      const { size = 0, note = "" } = second.signed.get(second.shard.id) ?? {};
      assert.equal(size, 30);
      assert.equal((await log.guardFile.read(slow.shard.origin))?.size, 30);
      const numbers = [...range(0, 20), ...range(300, 10), 400];
      await assertSound(log, await log.settle(), numbers, [note]);
    });

  test("of two sequencers that run at once exactly one goes on, and both saw the same log", async () => {
    const log = await freshLog();
    const sequencers = [await log.sequencer(), await log.sequencer()];
    const seen = new Set<string>();
    let claimed = 0;
    const work = async (sequencer: (typeof sequencers)[number]) => {
      try {
        await sequencer.takeOver();
        for (let round = 0; round < 30; round += 1) {
          if (claimed < 600) await log.claim((claimed += 20) - 20, 20);
          await sequencer.commit();
          seen.add(sequencer.signed.get(sequencer.shard.id)?.note ?? "");
        }
        return "finished";
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    const outcomes = await Promise.all(sequencers.map(work));
    assert.deepEqual(new Set(outcomes), new Set(["LOG_FENCED", "finished"]));
    seen.delete("");
    await assertSound(log, await log.settle(), range(0, claimed), [...seen]);
  });
});
