import assert from "node:assert/strict";
import { after, test } from "node:test";
import { logIndex, parseRecord } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { SupersedeFacts } from "./claim-facts.ts";
import type { Checksums } from "./checksums.ts";
import { entriesBetween } from "./store.ts";
import { bindFacts, createTestLog, logMigrations } from "./test-log.ts";
import type { TestLog } from "./test-log.ts";

const { name, version } = bindFacts(1);
const approval = bindFacts(3).manifest;

onEveryDatabase("supersede", (databases) => {
  const freshLog = async () =>
    createTestLog({ database: await databases.fresh(...logMigrations), folder: tempFolder({ after }) });
  const shardOf = (checksums: Checksums) => checksums.logs.list()[0]?.shard ?? "";

  /** The same version with the bytes of another number. */
  const replaced = (number: number, shard: string, index: number): SupersedeFacts => ({
    ...bindFacts(number),
    name,
    version,
    replaces: { shard, index: logIndex(index) },
    approval,
  });
  const supersede = (log: TestLog, checksums: Checksums, facts: SupersedeFacts) =>
    log.database.write((transaction) => checksums.claimSupersede(transaction, facts));
  const standing = async (checksums: Checksums) => (await checksums.bindsOf(name)).get(version)?.integrity;

  test("replaces a bind once it is sequenced, and then what replaced it", async () => {
    const log = await freshLog();
    const room = await log.open();
    const shard = shardOf(room);
    await assert.rejects(supersede(log, room, replaced(2, shard, 0)), { code: "NOT_FOUND" });
    await log.claim(1, 1);
    assert.equal((await supersede(log, room, replaced(2, shard, 0))).outcome, "stale", "it has no place yet");
    const checksums = await log.settle();
    const first = await supersede(log, checksums, replaced(2, shard, 0));
    assert.deepEqual([first.outcome, first.bind.integrity], ["superseded", bindFacts(2).integrity]);
    assert.equal(await standing(checksums), bindFacts(2).integrity);

    assert.equal((await supersede(log, checksums, replaced(2, shard, 0))).outcome, "same", "the same again");
    assert.equal((await supersede(log, checksums, replaced(4, shard, 0))).outcome, "stale", "0 is replaced already");
    assert.equal((await supersede(log, checksums, replaced(4, shard, 1))).outcome, "stale", "1 has no place yet");
    await log.settle();
    assert.equal((await supersede(log, checksums, replaced(4, "npm-1999a", 1))).outcome, "stale", "another shard");
    assert.equal((await supersede(log, checksums, replaced(4, shard, 1))).outcome, "superseded");
    assert.equal(await standing(checksums), bindFacts(4).integrity);

    await log.settle();
    const entries = await entriesBetween(log.database.read, shard, 0, 10);
    const records = entries.map((entry) => parseRecord(entry.record));
    assert.deepEqual(
      records.map((record) => (record.kind === "supersede" ? record.supersedes : record.kind)),
      ["bind", 0, 1],
    );
  });

  test("of many at once that replace one record exactly one is claimed", async () => {
    const log = await freshLog();
    await log.claim(1, 1);
    const checksums = await log.settle();
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) => supersede(log, checksums, replaced(i + 10, shardOf(checksums), 0))),
    );
    assert.equal(results.filter((result) => result.outcome === "superseded").length, 1);
    assert.equal(new Set(results.map((result) => result.bind.integrity)).size, 1);
    assert.equal(await standing(checksums), results[0]?.bind.integrity);
  });

  test("a claim of the old bytes differs afterwards, one of the new bytes is the same", async () => {
    const log = await freshLog();
    await log.claim(1, 1);
    const checksums = await log.settle();
    await supersede(log, checksums, replaced(2, shardOf(checksums), 0));
    const claim = (number: number) =>
      log.database.write((transaction) => checksums.claimBind(transaction, { ...bindFacts(number), name, version }));
    assert.equal((await claim(1)).outcome, "differs");
    assert.equal((await claim(2)).outcome, "same");
  });

  test("the tenth replacement stands, not the ninth", async () => {
    const log = await freshLog();
    await log.claim(1, 1);
    let checksums = await log.settle();
    for (let i = 0; i < 11; i += 1) {
      const { outcome } = await supersede(log, checksums, replaced(i + 10, shardOf(checksums), i));
      assert.equal(outcome, "superseded", `replacement ${i + 1}`);
      checksums = await log.settle();
    }
    assert.equal(await standing(checksums), bindFacts(20).integrity);
    const again = await log.database.write((transaction) =>
      checksums.claimBind(transaction, { ...bindFacts(20), name, version }),
    );
    assert.equal(again.outcome, "same");
  });
});
