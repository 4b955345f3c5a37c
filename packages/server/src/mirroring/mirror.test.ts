import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { integrityHex, parseIntegrity, parsePackageName, parseVersion } from "@assay/core";
import { flippedByte, hang, status } from "@assay/testkit/lies";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { Lockfile } from "@assay/verify";
import { createTestRooms, type TestRooms } from "../../test/admission-rooms.ts";
import { blobKey } from "../platform/blobs/key.ts";
import type { MirrorProgress, MirrorReport, Selection } from "./mirroring.ts";
import { countItems } from "./store.ts";

const never = new AbortController().signal;
const nothing: Selection = { names: [], used: false, lockfiles: [], versions: "latest", dependencies: false };
const named = (...names: string[]): Selection["names"] =>
  names.map((name) => ({ name: parsePackageName(name), spec: undefined }));

async function rooms(t: TestContext): Promise<TestRooms & { readonly folder: string }> {
  const folder = tempFolder(t);
  const opened = await createTestRooms(folder);
  t.after(() => opened[Symbol.asyncDispose]());
  return { ...opened, folder };
}

/** Mirrors while time passes, so that pauses between attempts end. */
async function mirror(
  { mirroring, clock }: TestRooms,
  selection: Partial<Selection>,
  signal = never,
  onProgress: (progress: MirrorProgress) => void = () => {},
): Promise<MirrorReport> {
  const over = new AbortController();
  const running = mirroring
    .mirror({ ...nothing, ...selection }, { concurrency: 4, signal, onProgress })
    .finally(() => over.abort());
  while (!over.signal.aborted) {
    await clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return await running;
}

function lockfile(...packages: readonly (readonly [name: string, version: string, integrity: string])[]): Lockfile {
  return {
    client: "npm",
    format: "npm 3",
    packages: packages.map(([name, version, integrity]) => ({
      name: parsePackageName(name),
      version: parseVersion(version),
      integrity: parseIntegrity(integrity),
      path: `node_modules/${name}`,
    })),
    unpinned: [],
    unverifiable: [],
    skipped: { bundled: 0, links: 0, folders: 0, patched: 0 },
  };
}

test("latest, all, and what a spec asks for are bound with their bytes stored", async (t) => {
  const here = await rooms(t);
  for (const version of ["1.0.0", "1.1.0", "2.0.0"]) here.upstream.publish({ name: "left", version });
  here.upstream.publish({ name: "@s/right", version: "0.1.0" });
  here.upstream.publish({ name: "@s/right", version: "0.2.0", tag: "next" });

  const latest = await mirror(here, { names: named("left", "@s/right") });
  assert.deepEqual([latest.outcome, latest.releases, latest.missing], ["complete", 2, []]);
  const spec = { name: parsePackageName("left"), spec: "^1.0.0" };
  assert.equal((await mirror(here, { names: [spec] })).releases, 1);
  const all = await mirror(here, { names: named("left", "@s/right"), versions: "all" });
  assert.deepEqual([all.outcome, all.releases], ["complete", 5]);
  assert.equal((await here.checksums.boundAfter(0, 100)).length, 5);
  for (const { integrity, sizeBytes } of (await here.checksums.bindsOf(parsePackageName("left"))).values())
    assert.deepEqual(await here.blobs.stat(blobKey("tarball", "sha512", integrityHex(integrity))), { sizeBytes });
  assert.equal((await countItems(here.database.read, "")).total, 0);
});

test("dependencies are followed through aliases, optional ones and peers, once each, and cycles end", async (t) => {
  const here = await rooms(t);
  here.upstream.publish({
    name: "root",
    version: "1.0.0",
    manifest: {
      dependencies: { mid: "^1", alias: "npm:real@1" },
      optionalDependencies: { absent: "*" },
      peerDependencies: { peer: "*" },
    },
  });
  here.upstream.publish({ name: "mid", version: "1.0.0", manifest: { dependencies: { root: "*" } } });
  here.upstream.publish({ name: "mid", version: "2.0.0" });
  here.upstream.publish({ name: "real", version: "1.0.0", manifest: { dependencies: { git: "github:a/b" } } });
  here.upstream.publish({ name: "peer", version: "3.0.0" });
  const report = await mirror(here, { names: named("root"), dependencies: true });
  assert.equal(report.outcome, "incomplete");
  assert.deepEqual(
    report.missing.map(({ name, want }) => [name, want]),
    [["real", "git@github:a/b"]],
  );
  assert.deepEqual(
    report.optionalMissing.map(({ name }) => name),
    ["absent", "absent"],
  );
  const binds = await here.checksums.boundAfter(0, 100);
  assert.deepEqual(binds.map(({ name, version }) => `${name}@${version}`).sort(), [
    "mid@1.0.0",
    "peer@3.0.0",
    "real@1.0.0",
    "root@1.0.0",
  ]);
});

test("what fails is named with its reason and stops nothing else", async (t) => {
  const here = await rooms(t);
  for (const name of ["good", "wrong", "broken", "slow"]) here.upstream.publish({ name, version: "1.0.0" });
  here.upstream.lie("/wrong/-/wrong-1.0.0.tgz", flippedByte(40));
  here.upstream.lie("/broken", status(500));
  here.upstream.lie("/slow/-/slow-1.0.0.tgz", hang, { times: 1 });
  const report = await mirror(here, { names: named("good", "wrong", "broken", "slow", "absent") });
  assert.equal(report.outcome, "incomplete");
  const reasons = new Map(report.missing.map(({ name, want, reason }) => [`${name} ${want}`, reason]));
  assert.match(reasons.get("wrong 1.0.0") ?? "", /wrong bytes/);
  assert.match(reasons.get("broken latest") ?? "", /status 500/);
  assert.match(reasons.get("absent latest") ?? "", /was not found/);
  assert.equal(report.releases, 2);
});

test("a lockfile brings exactly its releases, and one that pins other bytes is named", async (t) => {
  const here = await rooms(t);
  const left = here.upstream.publish({ name: "left", version: "1.0.0" });
  here.upstream.publish({ name: "left", version: "2.0.0" });
  here.upstream.publish({ name: "right", version: "1.0.0" });
  const locked = lockfile(["left", "1.0.0", left.integrity], ["right", "1.0.0", left.integrity]);
  const report = await mirror(here, { lockfiles: [locked], versions: "locked" });
  assert.deepEqual(
    report.missing.map(({ name, want }) => `${name}@${want}`),
    ["right@1.0.0"],
  );
  assert.match(report.missing[0]?.reason ?? "", /the lockfile pins sha512-/);
  const binds = await here.checksums.boundAfter(0, 100);
  assert.deepEqual(binds.map(({ name, version }) => `${name}@${version}`).sort(), ["left@1.0.0", "right@1.0.0"]);
});

test("entries that pin nothing are mirrored by version, those from git are named, folders are passed over", async (t) => {
  const here = await rooms(t);
  here.upstream.publish({ name: "left", version: "1.0.0", digests: "sha1" });
  const unverifiable = [
    { name: "left", version: "1.0.0", path: "node_modules/left", reason: "weak-integrity" },
    { name: "forked", version: "1.0.0", path: "node_modules/forked", reason: "git" },
    { name: "local", version: "1.0.0", path: "node_modules/local", reason: "file" },
    { name: "../evil", version: "1.0.0", path: "node_modules/evil", reason: "bad-name" },
  ] as const;
  const report = await mirror(here, { lockfiles: [{ ...lockfile(), unverifiable }], versions: "locked" });
  assert.deepEqual(
    report.missing.map(({ name }) => name),
    ["forked", "../evil"],
  );
  assert.equal(report.releases, 1);
});

test("used: every known package gets its newest release; locked only keeps what is bound", async (t) => {
  const here = await rooms(t);
  for (const name of ["left", "right"]) here.upstream.publish({ name, version: "1.0.0" });
  await here.admission.admit(parsePackageName("left"), parseVersion("1.0.0"));
  await here.upstreams.packument(parsePackageName("right"));
  here.upstream.publish({ name: "left", version: "2.0.0" });
  await here.clock.advance(301_000);
  assert.equal((await mirror(here, { used: true, versions: "locked" })).releases, 1);
  const report = await mirror(here, { used: true });
  assert.deepEqual([report.outcome, report.releases], ["complete", 2]);
  const binds = await here.checksums.boundAfter(0, 100);
  assert.deepEqual(binds.map(({ name, version }) => `${name}@${version}`).sort(), [
    "left@1.0.0",
    "left@2.0.0",
    "right@1.0.0",
  ]);
});

test("a run that was stopped is taken up by the same selection, not by another", async (t) => {
  const here = await rooms(t);
  const names = Array.from({ length: 30 }, (_, i) => `p${i}`);
  for (const name of names) here.upstream.publish({ name, version: "1.0.0" });
  const stop = new AbortController();
  const stopped = await mirror(here, { names: named(...names) }, stop.signal, ({ done }) => {
    if (done > 5) stop.abort();
  });
  assert.equal(stopped.outcome, "stopped");
  assert.ok(stopped.releases < 30);
  assert.equal((await mirror(here, { names: named("p0") })).continued, false);
  const report = await mirror(here, { names: named(...names.toReversed()) });
  assert.deepEqual([report.outcome, report.continued, report.releases], ["complete", true, 30]);
  // Only what was under way at the stop is downloaded twice.
  assert.ok(here.upstream.requests.filter(({ path }) => path.endsWith(".tgz")).length <= 30 + 4);
  assert.equal((await mirror(here, { names: named(...names) })).continued, false);
});

test("bytes that the disk lost come back, also for a release that is bound", async (t) => {
  const here = await rooms(t);
  here.upstream.publish({ name: "left", version: "1.0.0" });
  await mirror(here, { names: named("left") });
  await rm(join(here.folder, "blobs", "tarball"), { recursive: true });
  const report = await mirror(here, { names: named("left"), versions: "locked" });
  assert.equal(report.outcome, "complete");
  assert.equal((await here.blobKeys("tarball")).length, 1);
});

test("a listing that may be old is said to be", async (t) => {
  const here = await rooms(t);
  here.upstream.publish({ name: "left", version: "1.0.0" });
  await mirror(here, { names: named("left") });
  await here.clock.advance(301_000);
  here.upstream.lie("/left", status(503));
  const report = await mirror(here, { names: named("left") });
  assert.deepEqual(
    report.missing.map(({ want }) => want),
    ["its listing"],
  );
  assert.equal(report.releases, 1);
});
