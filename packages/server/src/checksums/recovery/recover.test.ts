import assert from "node:assert/strict";
import { after, test } from "node:test";
import { epochMs, logIndex, parseVersion } from "@assay/core";
import { onEveryDatabase } from "@assay/testkit/databases";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createSystemClock } from "../../platform/system-clock.ts";
import type { Checksums } from "../checksums.ts";
import { claimsPage } from "../store-claims.ts";
import { entriesBetween, packagesPage } from "../store.ts";
import { headOf, listShards } from "../store-shards.ts";
import { assertSound, bindFacts, createTestLog, logMigrations, never } from "../test-log.ts";
import type { TestLog } from "../test-log.ts";
import { finishRecovery, recoverShard, type RecoveredShard } from "./recover.ts";

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
const { name, version, integrity, manifest } = bindFacts(1);
const statement = bindFacts(2).manifest;
const clock = createSystemClock();

/** A log with every kind of record, over two shards. */
async function fill(log: TestLog): Promise<Checksums> {
  await log.claim(0, 3000);
  let checksums = await log.settle();
  const shard = checksums.logs.list()[0]?.shard ?? "";
  const source = "mirror";
  const atMs = epochMs(1_795_255_200_000);
  await log.database.write(async (transaction) => {
    const about = { name, version, source };
    await checksums.claimConflict(transaction, {
      ...about,
      integrity: "-",
      tree: "-",
      manifest,
      evidence: "-",
      from: "listing",
    });
    for (const kind of ["gone", "back", "gone", "back"] as const)
      await checksums.claimSighting(transaction, kind, { ...about, atMs });
    await checksums.claimSeen(transaction, { ...about, integrity, manifest });
    await checksums.claimConfirm(transaction, { ...about, integrity });
    await checksums.claimDelegate(transaction, { name, from: "npm", to: "example", statement });
    await checksums.claimKey(transaction, {
      action: "add",
      use: "registry-signature",
      owner: "npm",
      keyid: "SHA256:a",
      key: statement,
    });
    for (const tag of ["latest", "next"])
      await checksums.claimTag(transaction, { name, tag, from: "-", to: parseVersion("1.0.1"), source, atMs });
    await checksums.claimSupersede(transaction, {
      ...bindFacts(4),
      name,
      version,
      replaces: { shard, index: logIndex(1) },
      approval: statement,
    });
  });
  await log.settle();
  checksums = await log.rotate();
  await log.claim(3000, 700);
  return await log.settle();
}

/** The shards of a log as a copy brings them; `failAt` is how many records come before the copy breaks. */
async function shardsOf(log: TestLog, failAt = Infinity): Promise<RecoveredShard[]> {
  const { read } = log.database;
  let left = failAt;
  const shards = (await listShards(read)).toReversed();
  return await Promise.all(
    shards.map(async (shard) => {
      const head = await headOf(read, shard.id);
      assert.ok(head?.note !== undefined);
      const { size, root, note } = head;
      return {
        ...shard,
        size,
        root,
        note,
        async *records(from) {
          for (const { idx, record } of await entriesBetween(read, shard.id, from, size)) {
            if ((left -= 1) < 0) throw new Error("the copy broke off");
            yield { index: idx, text: record };
          }
        },
      } satisfies RecoveredShard;
    }),
  );
}

/** Keys of everything but the times of events, which a record has to the second only. */
async function keysOf(log: TestLog): Promise<string[]> {
  const keys: string[] = [];
  for (let after = 0; ;) {
    const claims = await claimsPage(log.database.read, "npm", after, 1000);
    const last = claims.at(-1);
    if (last === undefined) return keys.toSorted();
    keys.push(
      ...claims
        // A rotation's key record was claimed for its place; it comes back as what it says.
        .filter(({ kind, key }) => !(kind === "key" && key.startsWith("placed ")) && !key.includes("checkpoint"))
        .map(({ kind, key }) => (/^(?:gone|back|tag)$/.test(kind) ? key.replace(/ \d{13}.*$/, "") : key)),
    );
    after = last.id;
  }
}

onEveryDatabase("recovery", (databases) => {
  const emptyLog = async (of: TestLog) =>
    createTestLog({
      database: await databases.fresh(...logMigrations),
      folder: tempFolder({ after }),
      config: of.config,
    });

  test("makes claims, packages, heads and entries again as they were, however often it is cut off", async () => {
    const lost = await createTestLog({
      database: await databases.fresh(...logMigrations),
      folder: tempFolder({ after }),
    });
    await fill(lost);
    const again = await emptyLog(lost);
    const deps = { database: again.database, clock };
    let attempts = 0;
    for (let failAt = 700; ; failAt += 900) {
      attempts += 1;
      try {
        const shards = await shardsOf(lost, failAt);
        for (const shard of shards) await recoverShard(deps, shard, () => {});
        await finishRecovery(deps, [
          ...shards.slice(0, -1).map((shard) => ({ shard, state: "frozen" as const })),
          ...shards.slice(-1).map((shard) => ({ shard, state: "open" as const })),
        ]);
        break;
      } catch (error) {
        assert.match(String(error), /the copy broke off/);
        assert.ok((await listShards(again.database.read)).every(({ state }) => state === "recovering"));
        await assert.rejects(again.open(), { code: "CONFIG", message: /The recovery of the log was cut off/ });
      }
    }
    assert.ok(attempts >= 4, `${attempts} attempts`);

    for (const shard of await listShards(lost.database.read)) {
      const pages = async (log: TestLog) => [
        await entriesBetween(log.database.read, shard.id, 0, 10_000),
        await packagesPage(log.database.read, shard.id, undefined, 10_000),
      ];
      assert.deepEqual(await pages(again), await pages(lost));
    }
    assert.deepEqual(await keysOf(again), await keysOf(lost));

    // With the keys of the lost one it goes on, and nothing that was bound binds again.
    const resumed = await createTestLog({ database: again.database, folder: lost.folder, config: lost.config });
    const checksums = await resumed.open();
    const rebound = await again.database.write((transaction) =>
      checksums.claimBind(transaction, bindFacts(5, "other")),
    );
    assert.equal(rebound.outcome, "differs");
    await resumed.claim(9000, 5);
    const settled = await resumed.settle();
    assert.match((await settled.lookup(name, version, never))?.text ?? "", /^assay\/v1 supersede\n/);
    await assertSound(resumed, settled, [...range(2, 50), ...range(3000, 20), ...range(9000, 5)]);
  });

  test("refuses records that claim one thing twice, or do not have the signed root", async () => {
    const lost = await createTestLog({
      database: await databases.fresh(...logMigrations),
      folder: tempFolder({ after }),
    });
    await lost.claim(0, 10);
    await lost.settle();
    const [shard] = await shardsOf(lost);
    assert.ok(shard);
    const recover = async (change: Partial<RecoveredShard>) => {
      const again = await emptyLog(lost);
      await recoverShard({ database: again.database, clock }, { ...shard, ...change }, () => {});
    };
    await recover({});
    const records = await Array.fromAsync(shard.records(0));
    const of = (some: typeof records) => ({
      async *records() {
        yield* some;
      },
    });
    const [first] = records;
    assert.ok(first);
    await assert.rejects(recover(of(records.with(1, { ...first, index: 1 }))), {
      code: "BAD_FORMAT",
      message: /recorded before/,
    });
    await assert.rejects(recover(of(records.slice(0, 9))), { code: "BAD_FORMAT", message: /do not have the root/ });
    await assert.rejects(recover(of(records.with(3, { index: 3, text: "assay/v1 later\na b\n" }))), {
      code: "BAD_FORMAT",
      message: /only a newer Assay knows/,
    });
    await assert.rejects(recover({ root: new Uint8Array(32) }), { code: "BAD_FORMAT" });
  });

  test("is into a database that has no such log", async () => {
    const log = await createTestLog({
      database: await databases.fresh(...logMigrations),
      folder: tempFolder({ after }),
    });
    await log.claim(0, 10);
    await log.settle();
    const [shard] = await shardsOf(log);
    assert.ok(shard);
    await assert.rejects(
      recoverShard({ database: log.database, clock }, shard, () => {}),
      { code: "CONFIG" },
    );
  });
});
