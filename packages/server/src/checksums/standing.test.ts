import assert from "node:assert/strict";
import { after, test } from "node:test";
import { encodeUtf8, leafHash, logIndex, parseRecord, parseTlogProof, verifyInclusion } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { Checksums } from "./checksums.ts";
import { bindFacts, createTestLog, logMigrations, never, openCheckpoint } from "./test-log.ts";
import type { TestLog } from "./test-log.ts";
import { sha256 } from "./tile-rows.ts";

const asked = bindFacts(1);
const { name, version } = asked;

/** Replaces what stands for version 1 with the bytes of another number, and sequences that. */
async function supersede(log: TestLog, number: number): Promise<Checksums> {
  const checksums = await log.open();
  const found = await checksums.lookup(name, version, never);
  assert.ok(found);
  await log.database.write(async (transaction) => {
    const { outcome } = await checksums.claimSupersede(transaction, {
      ...bindFacts(number),
      name,
      version,
      replaces: { shard: found.shard, index: found.index },
      approval: bindFacts(number).manifest,
    });
    assert.equal(outcome, "superseded");
  });
  return await log.settle();
}

onEveryDatabase("what stands for a version", (databases) => {
  test("a lookup and a proof answer the newest supersede, a bundle all of them and the bind", async () => {
    const log = await createTestLog({
      database: await databases.fresh(...logMigrations),
      folder: tempFolder({ after }),
    });
    await log.claim(1, 3);
    await log.settle();
    await supersede(log, 10);
    const checksums = await supersede(log, 11);
    const [log1] = checksums.logs.list();
    assert.ok(log1);

    const found = await checksums.lookup(name, version, never);
    assert.equal(found?.index, 4);
    const record = parseRecord(found.text);
    assert.ok(record.kind === "supersede");
    assert.deepEqual([record.integrity, record.supersedes], [bindFacts(11).integrity, 3]);

    const proof = parseTlogProof((await checksums.logs.proof(undefined, name, version, never)) ?? "");
    const { size, root } = await openCheckpoint(proof.checkpoint, log1.vkey);
    const leaf = leafHash(sha256, encodeUtf8(found.text));
    assert.ok(verifyInclusion(sha256, { size, root, index: logIndex(4), leafHash: leaf, proof: proof.proof }));

    const entries = [asked, bindFacts(2), asked, bindFacts(9)];
    const { bundles, missing } = await checksums.logs.bundle(undefined, entries, never);
    assert.deepEqual(
      bundles.map(({ records }) => records.map(({ index, text }) => [index, parseRecord(text).kind])),
      [
        [
          [0, "bind"],
          [1, "bind"],
          [3, "supersede"],
          [4, "supersede"],
        ],
      ],
    );
    assert.deepEqual(missing, [{ name: bindFacts(9).name, version: bindFacts(9).version }]);
  });

  test("a lookup waits for a supersede that is claimed", async () => {
    const log = await createTestLog({
      database: await databases.fresh(...logMigrations),
      folder: tempFolder({ after }),
    });
    await log.claim(1, 1);
    const checksums = await log.settle();
    const shard = checksums.logs.list()[0]?.shard ?? "";
    await log.database.write((transaction) =>
      checksums.claimSupersede(transaction, {
        ...bindFacts(2),
        name,
        version,
        replaces: { shard, index: logIndex(0) },
        approval: bindFacts(2).manifest,
      }),
    );
    const stop = new AbortController();
    const running = checksums.run(stop.signal);
    assert.equal((await checksums.lookup(name, version, never))?.index, 1);
    stop.abort();
    await running;
  });
});
