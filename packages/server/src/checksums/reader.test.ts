import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import {
  decodeEntries,
  encodeEntries,
  encodeUtf8,
  leafHash,
  proveConsistency,
  tileHashReader,
  tilePath,
  tilesAt,
  toBase64,
  treeRoot,
  verifyConsistency,
} from "@assay/core";
import { createFakeClock } from "@assay/testkit/fake-clock";
import { tempFolder } from "@assay/testkit/temp-folder";
import { runMigrations } from "../platform/database/migrate.ts";
import { createSqliteDatabase } from "../platform/database/sqlite.ts";
import type { Checksums } from "./checksums.ts";
import { entriesBetween } from "./store.ts";
import { assertSound, bindFacts, createTestLog, logMigrations, never, openCheckpoint } from "./test-log.ts";
import type { TestLogOptions } from "./test-log.ts";
import { sha256 } from "./tile-rows.ts";

async function freshLog(options: Partial<TestLogOptions> = {}) {
  const folder = tempFolder({ after });
  const database = await createSqliteDatabase({ path: `${folder}/db` });
  after(() => database[Symbol.asyncDispose]());
  await runMigrations({ database, clock: createFakeClock() }, logMigrations);
  return createTestLog({ database, folder, ...options });
}

function newest(checksums: Checksums) {
  const [log] = checksums.logs.list();
  assert.ok(log);
  return log;
}

test("serves every tile and bundle of every width up to the signed size, and nothing beyond", async () => {
  const log = await freshLog();
  await log.claim(0, 700);
  await log.settle();
  await log.claim(700, 5);
  const checksums = await log.open();
  const { shard, vkey } = newest(checksums);
  const size = 700;
  assert.equal((await openCheckpoint(checksums.logs.checkpoint(shard) ?? "", vkey)).size, size);
  const rows = await entriesBetween(log.database.read, shard, 0, size);
  const entries = rows.map((row) => encodeUtf8(row.record));
  const hashes = entries.map((entry) => leafHash(sha256, entry));

  const serve = async (path: string) => await checksums.logs.tile(shard, path);
  for (let index = 0; index * 256 < size; index += 1)
    for (let width = 1; width <= 256; width += width === 1 || width > 250 || width > 180 ? 1 : 13) {
      const end = index * 256 + width;
      const hashTile = await serve(tilePath({ kind: "hash", level: 0, index, width }));
      const bundle = await serve(tilePath({ kind: "entries", level: 0, index, width }));
      if (end > size) {
        assert.deepEqual([hashTile, bundle], [undefined, undefined]);
        continue;
      }
      assert.deepEqual(Buffer.from(hashTile ?? []), Buffer.concat(hashes.slice(index * 256, end)));
      assert.deepEqual(Buffer.from(bundle ?? []), Buffer.from(encodeEntries(entries.slice(index * 256, end))));
    }
  assert.equal((await serve("tile/1/000.p/2"))?.length, 64);
  for (const path of ["tile/1/000.p/3", "tile/1/000", "tile/2/000.p/1", "tile/0/003", "tile/entries/000.p/256"])
    assert.equal(await serve(path), undefined, path);
  for (const path of [
    "tile/0/0",
    "tile/0/000.p/0",
    "tile/00/000",
    "tile/0/000/",
    "/tile/0/000",
    "checkpoint",
    "tile/0/../0/000",
  ])
    assert.equal(await serve(path), undefined, path);
  assert.equal(await checksums.logs.tile("npm-1999a", "tile/0/000"), undefined);
});

test("tiles alone rebuild the signed root at every size that was signed, and prove that none was a fork", async () => {
  const log = await freshLog();
  const notes: string[] = [];
  for (let step = 0; step < 12; step += 1) {
    await log.claim(step * 1000, 1 + ((step * 47) % 130));
    const checksums = await log.settle();
    notes.push(checksums.logs.checkpoint(newest(checksums).shard) ?? "");
  }
  const checksums = await log.open();
  const { shard, vkey } = newest(checksums);
  const reader = (size: number) =>
    tileHashReader(sha256, size, async (tile) => await checksums.logs.tile(shard, tilePath(tile)));
  const checkpoints = await Promise.all(notes.map((note) => openCheckpoint(note, vkey)));
  const last = checkpoints.at(-1);
  assert.ok(last && last.size > 512);
  const { size: newSize, root: newRoot } = last;
  for (const { size, root } of checkpoints) {
    assert.equal(toBase64(await treeRoot(sha256, size, reader(size))), toBase64(root));
    for (const tile of tilesAt(size)) assert.ok(await checksums.logs.tile(shard, tilePath(tile)));
    const proof = await proveConsistency(sha256, size, newSize, reader(newSize));
    assert.ok(verifyConsistency(sha256, { oldSize: size, oldRoot: root, newSize, newRoot, proof }));
  }
});

test("whatever is claimed, in whatever order and batches, every bind is provable and every record whole", async () => {
  const claim = fc.record({
    number: fc.nat({ max: 60 }),
    kind: fc.constantFrom("bind", "bind", "conflict", "gone", "back"),
    bytes: fc.nat({ max: 2 }),
    settle: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(claim, { maxLength: 40 }), fc.integer(), async (claims, seed) => {
      const log = await freshLog({ seed, config: { visibility: seed % 2 === 0 ? "public" : "private" } });
      let checksums = await log.open();
      const first = new Map<number, string>();
      for (const { number, kind, bytes, settle } of claims) {
        const facts = bindFacts(number, `bytes ${bytes}`);
        const { name, version, integrity, tree, manifest, source } = facts;
        await log.database.write(async (transaction) => {
          if (kind === "bind") await checksums.claimBind(transaction, facts);
          else if (kind === "conflict")
            await checksums.claimConflict(transaction, {
              name,
              version,
              source,
              integrity,
              tree,
              manifest,
              evidence: "-",
              from: "bytes",
            });
          else await checksums.claimSighting(transaction, kind, { name, version, source, atMs: log.deps.clock.now() });
        });
        if (kind === "bind" && !first.has(number)) first.set(number, integrity);
        if (settle) checksums = await log.settle();
      }
      checksums = await log.settle();
      await assertSound(log, checksums, []);
      for (const [number, integrity] of first) {
        const { name, version } = bindFacts(number);
        const found = await checksums.lookup(name, version, never);
        assert.ok(found);
        assert.ok(found.text.includes(`\nintegrity ${integrity}\n`));
        assert.equal((await checksums.bindsOf(name)).get(version)?.integrity, integrity);
        const path = tilePath({ kind: "entries", level: 0, index: 0, width: found.index + 1 });
        const bundle = decodeEntries((await checksums.logs.tile(found.shard, path)) ?? new Uint8Array());
        assert.equal(new TextDecoder().decode(bundle[found.index]), found.text);
      }
    }),
    { numRuns: 15 },
  );
});

test("a lookup waits for the sequencer, and a bundle and a proof with it", async () => {
  const log = await freshLog();
  const checksums = await log.open();
  const { name, version } = bindFacts(1);
  assert.equal(await checksums.lookup(name, version, never), undefined);
  await log.database.write((transaction) => checksums.claimBind(transaction, bindFacts(1)));
  const waiting = Promise.all([
    checksums.lookup(name, version, never),
    checksums.logs.proof(undefined, name, version, never),
    checksums.logs.bundle(
      undefined,
      [
        { name, version },
        { name, version },
      ],
      never,
    ),
  ]);
  const stop = new AbortController();
  const running = checksums.run(stop.signal);
  const [found, proof, bundle] = await waiting;
  assert.equal(found?.index, 0);
  assert.ok(proof?.startsWith("c2sp.org/tlog-proof@v1\nextra "));
  assert.equal(bundle.bundles[0]?.records.length, 1);
  assert.deepEqual(bundle.missing, []);
  // A claim wakes the sequencer by itself.
  await log.database.write((transaction) => checksums.claimBind(transaction, bindFacts(2)));
  assert.equal((await checksums.lookup(bindFacts(2).name, bindFacts(2).version, never))?.index, 1);
  stop.abort();
  await running;
});

test("a lookup gives up after 5 s, or when its caller does", async () => {
  const clock = createFakeClock();
  const log = await freshLog({ clock });
  const checksums = await log.open();
  await log.claimDirectly(1, 1);
  const { name, version } = bindFacts(1);
  const late = checksums.lookup(name, version, never);
  const gone = new AbortController();
  const abandoned = checksums.lookup(name, version, gone.signal);
  const refused = assert.rejects(late, { code: "NOT_READY" });
  const aborted = assert.rejects(abandoned, /left/);
  await clock.untilSleepers(2);
  gone.abort(new Error("left"));
  await aborted;
  await clock.advance(4999);
  assert.equal(clock.sleepers, 1);
  await clock.advance(1);
  await refused;
  assert.equal(clock.sleepers, 0);
});

test("a version that is not bound is missing from a bundle, and asking binds nothing", async () => {
  const log = await freshLog();
  await log.claim(0, 3);
  const checksums = await log.settle();
  const asked = [0, 7, 1, 8].map((number) => bindFacts(number));
  const bundle = await checksums.logs.bundle(undefined, asked, never);
  assert.deepEqual(
    bundle.missing,
    [7, 8].map((number) => {
      const { name, version } = bindFacts(number);
      return { name, version };
    }),
  );
  assert.deepEqual(
    bundle.bundles[0]?.records.map((record) => record.index),
    [0, 1],
  );
  assert.deepEqual(await checksums.logs.bundle(undefined, [], never), {
    format: "assay-bundle/v1",
    bundles: [],
    missing: [],
  });
  assert.equal((await checksums.bindsOf(bindFacts(7).name)).size, 1);
});

test("a proof that was taken before the log grew still holds", async () => {
  const log = await freshLog();
  await log.claim(0, 300);
  const before = await log.settle();
  const entries = Array.from({ length: 300 }, (_, i) => bindFacts(i));
  const asking = before.logs.bundle(undefined, entries, never);
  await log.claimDirectly(1000, 300);
  await log.settle();
  await asking;
  await assertSound(
    log,
    before,
    Array.from({ length: 300 }, (_, i) => i),
  );
});
