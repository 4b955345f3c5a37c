import assert from "node:assert/strict";
import { after, test } from "node:test";
import { parseRecord, parseVkey, toBase64, toHex } from "@assay/core";
import type { LogRecord } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createHash } from "node:crypto";
import type { Checksums } from "../checksums.ts";
import { runMigrations } from "../../platform/database/migrate.ts";
import { createSystemClock } from "../../platform/system-clock.ts";
import { entriesBetween } from "../store.ts";
import { listShards } from "../store-shards.ts";
import { assertSound, bindFacts, createTestLog, logMigrations, never, openCheckpoint } from "../test-log.ts";
import type { TestLog } from "../test-log.ts";
import { awaitRotation, requestRotation } from "./request.ts";

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

async function recordsOf(log: TestLog, shard: string): Promise<LogRecord[]> {
  return (await entriesBetween(log.database.read, shard, 0, 1e6)).map((entry) => parseRecord(entry.record));
}

/** Fails unless each shard names its neighbours, old ones end with a signed final checkpoint, and one is open. */
async function assertLinked(log: TestLog, checksums: Checksums, count: number): Promise<void> {
  const lineage = checksums.logs.list().toReversed();
  assert.equal(lineage.length, count);
  for (const [i, shard] of lineage.entries()) {
    const next = lineage[i + 1];
    assert.equal(shard.state, next === undefined ? "open" : "frozen");
    if (next === undefined) continue;
    const { size, root } = await openCheckpoint(checksums.logs.checkpoint(shard.shard) ?? "", shard.vkey);
    const old = await recordsOf(log, shard.shard);
    assert.equal(old.length, size);
    const [key, successor] = old.slice(-2);
    assert.ok(key?.kind === "key" && successor?.kind === "shard");
    assert.equal(key.keyid, toHex(parseVkey(next.vkey).keyId));
    assert.equal(key.key, `sha256-${createHash("sha256").update(next.vkey).digest("base64")}`);
    assert.deepEqual([successor.side, successor.origin, successor.size], ["successor", next.origin, 0]);
    const [predecessor] = await recordsOf(log, next.shard);
    assert.ok(predecessor?.kind === "shard");
    assert.deepEqual(
      [predecessor.side, predecessor.origin, predecessor.size, predecessor.root],
      ["predecessor", shard.origin, size, toBase64(root)],
    );
  }
  for (const field of ["origin", "vkey"] as const) assert.equal(new Set(lineage.map((s) => s[field])).size, count);
}

onEveryDatabase("rotation", (databases) => {
  const freshLog = async () =>
    createTestLog({ database: await databases.fresh(...logMigrations), folder: tempFolder({ after }) });

  test("links both shards, and what waits goes to the new one", async () => {
    const log = await freshLog();
    await log.claim(0, 20);
    await log.settle();
    await log.claim(20, 5);
    let checksums = await log.rotate();
    await assertLinked(log, checksums, 2);
    await assertSound(log, checksums, range(0, 25));
    const [newest, oldest] = checksums.logs.list();
    const placeOf = async (number: number) =>
      (await checksums.lookup(bindFacts(number).name, bindFacts(number).version, never))?.shard;
    assert.deepEqual([await placeOf(0), await placeOf(24)], [oldest?.shard, newest?.shard]);
    checksums = await log.rotate();
    await assertLinked(log, checksums, 3);
    await assertSound(log, checksums, range(0, 25));
  });

  test("the same request twice opens one shard", async () => {
    const log = await freshLog();
    await log.claim(0, 3);
    await requestRotation(log.database, "npm");
    await requestRotation(log.database, "npm");
    await assertLinked(log, await log.settle(), 2);
  });

  test("happens under a running server, which goes on in the new shard", async () => {
    const log = await freshLog();
    const checksums = await log.open();
    const stop = new AbortController();
    const running = checksums.run(stop.signal);
    let claimed = 0;
    const bind = async (count: number) => {
      const first = (claimed += count) - count;
      await log.database.write(async (transaction) => {
        for (const number of range(first, count)) await checksums.claimBind(transaction, bindFacts(number));
      });
      for (const number of range(first, count)) {
        const { name, version } = bindFacts(number);
        assert.ok(await checksums.lookup(name, version, never));
      }
    };
    await bind(30);
    // As another process does: nothing wakes the server.
    const ended = await requestRotation(log.database, "npm");
    const [opened] = await Promise.all([
      awaitRotation({ database: log.database, clock: createSystemClock() }, ended, { waitMs: 30_000, signal: never }),
      (async () => {
        for (let i = 0; i < 20; i += 1) await bind(10);
      })(),
    ]);
    assert.ok(opened);
    await bind(10);
    assert.equal(checksums.logs.list()[0]?.shard, opened.id);
    stop.abort();
    await running;
    await assertSound(log, checksums, range(0, claimed));
    await assertLinked(log, checksums, 2);
  });

  test("may be cut off at every point: there is one new shard, linked, and nothing is lost", async () => {
    const open = await databases.place();
    const folder = tempFolder({ after });
    let database = await open();
    await runMigrations({ database, clock: createSystemClock() }, logMigrations);
    let numbers = 0;
    let deaths = 0;
    for (let dieAt = 1; ; dieAt += 1) {
      const log = await createTestLog({ database, folder, seed: dieAt });
      await log.claim(numbers, 3);
      numbers += 3;
      await log.settle();
      const before = (await log.open()).logs.list().length;
      await requestRotation(database, "npm");
      let passed = 0;
      const death = await log
        .settle((point) => {
          if ((passed += 1) === dieAt) throw new Error(`died at ${point}, the ${passed}th`);
        })
        .then(
          () => undefined,
          (error: Error) => error.message,
        );
      if (death !== undefined) {
        assert.match(death, /^died at/);
        deaths += 1;
      }
      await database[Symbol.asyncDispose]();
      database = await open();
      const again = await createTestLog({ database, folder, seed: 1000 + dieAt });
      await again.claim(numbers, 1);
      numbers += 1;
      const checksums = await again.settle();
      await assertLinked(again, checksums, before + 1);
      await assertSound(again, checksums, range(0, numbers));
      if (death === undefined) break;
    }
    // Both commits of a rotation with all their points, and the two between.
    assert.ok(deaths >= 18, `${deaths} deaths`);
  });

  test("two at once open one shard", async () => {
    const log = await freshLog();
    await log.claim(0, 10);
    await log.settle();
    await requestRotation(log.database, "npm");
    const work = async () => {
      try {
        await log.settle();
        return "finished";
      } catch (error) {
        return (error as { code?: string }).code ?? String(error);
      }
    };
    const outcomes = await Promise.all([work(), work(), work()]);
    for (const outcome of outcomes) assert.ok(outcome === "finished" || outcome === "LOG_FENCED", outcome);
    const checksums = await log.settle();
    await assertLinked(log, checksums, 2);
    await assertSound(log, checksums, range(0, 10));
    assert.deepEqual(
      (await listShards(log.database.read)).map(({ state }) => state),
      ["open", "frozen"],
    );
  });
});
