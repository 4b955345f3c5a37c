import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { isAssayError, parsePackageName, parseVersion, type ErrorCode } from "@assay/core";
import { flippedByte, hang, otherBytes, status, truncated, type Lie } from "@assay/testkit/lies";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestRooms, type TestRoomsOptions } from "../../test/admission-rooms.ts";
import { tarballKey } from "./claim.ts";

const name = parsePackageName("left");
const version = parseVersion("1.0.0");
const left = { name: "left", version: "1.0.0" };

/** Rooms whose registry and mirrors all have left@1.0.0. */
async function sources(t: TestContext, options: TestRoomsOptions) {
  const rooms = await createTestRooms(tempFolder(t), options);
  t.after(() => rooms[Symbol.asyncDispose]());
  const published = rooms.upstream.publish(left);
  for (const mirror of Object.values(rooms.mirrors)) mirror.publish(left);
  const lie = (alias: string, what: Lie): void => {
    (alias === "npm" ? rooms.upstream : rooms.mirrors[alias])?.lie(published.path, what);
  };
  return { ...rooms, published, lie };
}

const refusedWith = (code: ErrorCode) => (error: unknown) => isAssayError(error, code);
const bytesOf = (text: string) => `sha512-${createHash("sha512").update(text).digest("base64")}`;

test("a mirror that lies is put aside and recorded with evidence, and nobody notices", async (t) => {
  const { admission, published, lie, mirrors, ...rooms } = await sources(t, { mirrors: ["-near"] });
  lie("near", otherBytes("evil"));
  const release = await admission.admit(name, version);
  assert.equal(release.integrity, published.integrity);
  assert.deepEqual(Buffer.from((await rooms.blobs.read(tarballKey(release))) ?? []), Buffer.from(published.tarball));

  const sha256 = createHash("sha256").update("evil").digest();
  const [conflict, ...more] = await rooms.claimTexts("conflict");
  assert.deepEqual(more, []);
  assert.match(conflict ?? "", /^source near$/m);
  assert.ok(conflict?.includes(`integrity ${bytesOf("evil")}\n`));
  assert.ok(conflict?.includes(`evidence sha256-${sha256.toString("base64")}\n`));
  assert.deepEqual(await rooms.blobKeys("evidence"), [
    `evidence/${sha256.toString("hex").slice(0, 2)}/${sha256.toString("hex")}`,
  ]);
  assert.match((await rooms.claimTexts("bind"))[0] ?? "", /^source npm$/m);
  assert.deepEqual(
    (await rooms.events()).map(({ kind }) => kind),
    ["upstream.wrong-bytes", "upstream.put-aside", "release.bound", "upstream.conflict"],
  );

  // It is not asked for anything else either, until its time is over.
  const other = rooms.upstream.publish({ ...left, version: "1.1.0" });
  mirrors["near"]?.publish({ ...left, version: "1.1.0" });
  await rooms.clock.advance(5 * 60_000);
  await admission.admit(name, parseVersion("1.1.0"));
  assert.equal(mirrors["near"]?.count(other.path), 0);
});

test("bytes of a mirror that are right are bound with the mirror as their source", async (t) => {
  const { admission, claimTexts, upstream, published } = await sources(t, { mirrors: ["-near"] });
  await admission.admit(name, version);
  assert.match((await claimTexts("bind"))[0] ?? "", /^source near$/m);
  assert.equal(upstream.count(published.path), 0);
});

test("a registry that lies is not put aside: nobody else can say what its names are", async (t) => {
  const { admission, lie, upstream, mirrors, ...rooms } = await sources(t, { mirrors: ["near"] });
  lie("npm", flippedByte(25));
  await admission.admit(name, version);
  assert.match((await rooms.claimTexts("conflict"))[0] ?? "", /^source npm$/m);
  const other = upstream.publish({ ...left, version: "1.1.0" });
  mirrors["near"]?.publish({ ...left, version: "1.1.0" });
  await rooms.clock.advance(5 * 60_000);
  await admission.admit(name, parseVersion("1.1.0"));
  assert.equal(upstream.count(other.path), 1);
});

test("every way to fail makes room for the next source in the same request", async (t) => {
  const ways: Readonly<Record<string, Lie>> = {
    wrong: otherBytes("x"),
    short: truncated(20),
    silent: hang,
    broken: status(500),
    missing: status(404),
    refusing: status(403),
  };
  const before = Object.keys(ways).map((alias) => `-${alias}`);
  const { admission, lie, published, ...rooms } = await sources(t, { mirrors: before });
  for (const [alias, what] of Object.entries(ways)) lie(alias, what);
  const release = await admission.admit(name, version);
  assert.equal(release.integrity, published.integrity);
  assert.match((await rooms.claimTexts("bind"))[0] ?? "", /^source npm$/m);
  assert.equal((await rooms.claimTexts("conflict")).length, 1, "only wrong bytes are a lie");
  assert.deepEqual([...(await rooms.upstreams.standing.aside()).keys()], ["wrong"]);
});

test("when everybody lied nothing comes in; when one may be back it says so", async (t) => {
  const { admission, lie, claims, clock } = await sources(t, { mirrors: ["near"] });
  lie("npm", otherBytes("x"));
  lie("near", otherBytes("y"));
  await assert.rejects(admission.admit(name, version), refusedWith("UPSTREAM_WRONG_BYTES"));
  await assert.rejects(admission.admit(name, version), refusedWith("UPSTREAM_WRONG_BYTES"));
  assert.deepEqual(await claims(), []);
  await clock.advance(60 * 60_000);
  lie("npm", status(500));
  await assert.rejects(admission.admit(name, version), refusedWith("UPSTREAM_UNAVAILABLE"));
});

test("without any listed digest only the owner is believed", async (t) => {
  const { admission, mirrors, upstream } = await sources(t, { mirrors: ["-near"], integrity: "compute" });
  const bare = { ...left, version: "2.0.0" } as const;
  const { path, integrity } = upstream.publish({ ...bare, digests: "none" });
  mirrors["near"]?.publish({ ...bare, digests: "none", files: { "evil.js": "" } });
  const failing = upstream.publish({ ...left, version: "3.0.0", digests: "none" });
  upstream.lie(failing.path, status(500));
  assert.equal((await admission.admit(name, parseVersion("2.0.0"))).integrity, integrity);
  assert.equal(mirrors["near"]?.count(path), 0);
  await assert.rejects(admission.admit(name, parseVersion("3.0.0")), refusedWith("UPSTREAM_UNAVAILABLE"));
});

test("lost bytes come back from any source, though the owner lists the version no more", async (t) => {
  const { admission, upstream, blobs, published, lie, ...rooms } = await sources(t, { mirrors: ["-wrong", "near"] });
  lie("wrong", status(404));
  const release = await admission.admit(name, version);
  await blobs.remove(tarballKey(release));
  upstream.remove("left");
  lie("wrong", otherBytes("evil"));
  await rooms.clock.advance(60 * 60_000);
  await admission.restore(name, version);
  assert.deepEqual(Buffer.from((await blobs.read(tarballKey(release))) ?? []), Buffer.from(published.tarball));
  assert.match((await rooms.claimTexts("conflict"))[0] ?? "", /^source wrong$/m);
});

test("who chose sources is served from them, with the same bytes, and from nobody else when that was the choice", async (t) => {
  const { admission, upstream, mirrors, published, lie, claimTexts } = await sources(t, { mirrors: ["near", "far"] });
  const release = await admission.admit(name, version, { order: ["far"], only: false });
  assert.equal(release.integrity, published.integrity);
  assert.match((await claimTexts("bind"))[0] ?? "", /^source far$/m);
  assert.deepEqual([upstream.count(published.path), mirrors["near"]?.count(published.path)], [0, 0]);

  const other = upstream.publish({ ...left, version: "1.1.0" });
  lie("far", status(500));
  const only = { order: ["far"], only: true };
  await assert.rejects(admission.admit(name, parseVersion("1.1.0"), only), refusedWith("NOT_FOUND"));
  assert.equal(upstream.count(other.path), 0);
});
