import assert from "node:assert/strict";
import { after, test } from "node:test";
import { epochMs, parseRecord, parseVersion } from "@assay/core";
import type { KnownRecord } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { Transaction } from "../platform/database/database.ts";
import type { Checksums } from "./checksums.ts";
import { entriesBetween } from "./store.ts";
import { assertSound, bindFacts, createTestLog, logMigrations } from "./test-log.ts";
import type { TestLog } from "./test-log.ts";

const { name, version, manifest: one } = bindFacts(1);
const two = bindFacts(2).manifest;
const noon = epochMs(1_795_255_200_000);

onEveryDatabase("claims of what is done here", (databases) => {
  const freshRoom = async () => {
    const folder = tempFolder({ after });
    const database = await databases.fresh(...logMigrations);
    const log = await createTestLog({ database, folder, clock: createFakeClock() });
    const checksums = await log.open();
    const claim = <T>(work: (checksums: Checksums, transaction: Transaction) => Promise<T>): Promise<T> =>
      log.database.write((transaction) => work(checksums, transaction));
    return { log, claim, bind: () => claim((room, transaction) => room.claimBind(transaction, bindFacts(1))) };
  };

  const recordsOf = async (log: TestLog, bound: readonly number[]): Promise<KnownRecord[]> => {
    const checksums = await log.settle();
    await assertSound(log, checksums, bound);
    const shard = checksums.logs.list()[0]?.shard ?? "";
    const records = (await entriesBetween(log.database.read, shard, 0, 1000)).map(({ record }) => parseRecord(record));
    return records.filter((record) => record.kind !== "unknown");
  };

  /** So many records of the registry's own log, which its first claim makes. */
  const registryRecords = async (log: TestLog, count: number): Promise<KnownRecord[]> => {
    const checksums = await log.open();
    const stop = new AbortController();
    const running = checksums.run(stop.signal);
    const stored = async () => {
      const shard = checksums.logs.listHosted()[0]?.shard;
      return shard === undefined ? [] : await entriesBetween(log.database.read, shard, 0, 1000);
    };
    let entries = await stored();
    for (let tries = 0; entries.length < count && tries < 1000; tries += 1, entries = await stored())
      await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await running;
    return entries.map(({ record }) => parseRecord(record)).filter((record) => record.kind !== "unknown");
  };

  test("a deprecation is recorded when it changes, of bound versions only", async () => {
    const { log, claim, bind } = await freshRoom();
    const deprecate = (message: string, atMs: number, of = version) =>
      claim((room, transaction) =>
        room.claimDeprecate(transaction, { name, version: of, message, source: "hosted", atMs: epochMs(atMs) }),
      );
    assert.equal(await deprecate(one, noon), false, "nothing is bound");
    await bind();
    assert.equal(await deprecate("-", noon), false, "it never was deprecated");
    assert.equal(await deprecate(one, noon), true);
    assert.equal(await deprecate(one, noon + 1), false, "it says the same");
    assert.equal(await deprecate(two, noon), true, "in the same millisecond");
    assert.equal(await deprecate(one, noon - 5000), true, "by a clock that is behind");
    assert.equal(await deprecate("-", noon), true);
    assert.equal(await deprecate(one, noon, parseVersion("99.0.0")), false, "that version is not bound");
    await assert.rejects(deprecate("use another", noon), { code: "BAD_FORMAT" });
    const records = await recordsOf(log, [1]);
    assert.deepEqual(
      records.map((record) => (record.kind === "deprecate" ? record.message : record.kind)),
      ["bind", one, two, one, "-"],
    );
  });

  test("a head is recorded after each change, and back again", async () => {
    const { log, claim, bind } = await freshRoom();
    const head = (packument: string, atMs = noon) =>
      claim((room, transaction) => room.claimHead(transaction, { name, packument, atMs: epochMs(atMs) }));
    assert.equal(await head(one), false, "nothing is bound");
    await bind();
    for (const [packument, isNew] of [
      [one, true],
      [one, false],
      [two, true],
      [one, true],
    ] as const)
      assert.equal(await head(packument), isNew);
    const heads = (await recordsOf(log, [1])).filter((record) => record.kind === "head");
    assert.deepEqual(
      heads.map((record) => [record.packument, record.seq]),
      [
        [one, 2],
        [two, 3],
        [one, 4],
      ],
    );
  });

  test("a set of policies is recorded when it changes, in the chain of the log", async () => {
    const { log, claim } = await freshRoom();
    const save = (policies: string, actor = "-") =>
      claim((room, transaction) =>
        room.claimPolicy(transaction, { organisation: undefined, policies, actor, atMs: noon }),
      );
    assert.equal(await save(one), true);
    assert.equal(await save(one, two), false);
    assert.equal(await save(two, two), true);
    assert.equal(await save(one, two), true);
    await assert.rejects(save(two, "person:ada"), { code: "BAD_FORMAT" });
    const records = await registryRecords(log, 3);
    assert.deepEqual(
      records.map((record) => [record.kind, record.seq]),
      [
        ["policy", 1],
        ["policy", 2],
        ["policy", 3],
      ],
    );
  });

  test("an audit trail is anchored as far as it came, and another trail is refused", async () => {
    const { log, claim } = await freshRoom();
    const anchor = (acts: number, chain: string) =>
      claim((room, transaction) => room.claimAudit(transaction, { organisation: undefined, acts, chain }));
    await assert.rejects(anchor(0, one), { code: "BAD_FORMAT" });
    assert.equal(await anchor(9, one), true);
    assert.equal(await anchor(9, one), false);
    assert.equal(await anchor(4, one), false, "it was recorded farther");
    assert.equal(await anchor(10, two), true);
    await assert.rejects(anchor(10, one), { code: "DATABASE" });
    await assert.rejects(anchor(9, two), { code: "DATABASE" });
    const records = await registryRecords(log, 2);
    assert.deepEqual(
      records.map((record) => record.kind === "audit" && record.acts),
      [9, 10],
    );
  });
});
