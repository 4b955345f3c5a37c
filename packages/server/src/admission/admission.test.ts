import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import {
  type AssayError,
  type ErrorCode,
  isAssayError,
  integrityFromSha512,
  parseIntegrity,
  parsePackageName,
  parseVersion,
} from "@assay/core";
import { hostileArchives, manyEntriesArchive } from "@assay/testkit/hostile-archives";
import { flippedByte, hang, otherBytes, redirect, reset, stalled, status, truncated } from "@assay/testkit/lies";
import { tempFolder } from "@assay/testkit/temp-folder";
import { fragmentKey, tarballKey } from "./claim.ts";
import { createTestRooms, type TestRooms, type TestRoomsOptions } from "../../test/admission-rooms.ts";

const name = parsePackageName("left");
const version = parseVersion("1.0.0");
const left = { name: "left", version: "1.0.0" };
const minute = 60_000;

async function rooms(t: TestContext, options?: TestRoomsOptions): Promise<TestRooms & { readonly folder: string }> {
  const folder = tempFolder(t);
  const opened = await createTestRooms(folder, options);
  t.after(() => opened[Symbol.asyncDispose]());
  return { ...opened, folder };
}

/** Expects the promise to reject with this code; answers the error. */
async function refused<C extends ErrorCode>(promise: Promise<unknown>, code: C): Promise<AssayError<C>> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isAssayError(error, code), `expected ${code}, got ${String(error)}`);
  return error;
}

/** Nothing was bound, stored or left in the spool. */
async function assertNothingCameIn(room: TestRooms & { readonly folder: string }): Promise<void> {
  assert.deepEqual(await room.claims(), []);
  assert.deepEqual(await room.blobKeys("tarball"), []);
  assert.deepEqual(await room.blobKeys("manifest"), []);
  assert.equal(room.spool.usedBytes, 0);
  assert.deepEqual(await readdir(join(room.folder, "spool")), []);
  assert.equal((await room.events()).filter((event) => event.kind === "release.bound").length, 0);
}

describe("an honest tarball", () => {
  test("is stored, bound and served; the gate follows at once", async (t) => {
    const room = await rooms(t);
    const published = room.upstream.publish({
      ...left,
      manifest: { dependencies: { a: "^1.0.0" } },
      files: { "index.js": "1" },
    });
    assert.equal((await room.releases.gate(name, version)).verdict, "unbound");
    const release = await room.admission.admit(name, version);
    assert.equal(release.integrity, published.integrity);
    assert.equal(release.sizeBytes, published.tarball.byteLength);
    const gate = await room.releases.gate(name, version);
    assert.ok(gate.verdict === "serve");
    const { signature, ...rest } = gate.release;
    assert.deepEqual(rest, release);
    assert.match(signature?.keyid ?? "", /^SHA256:/, "and signed by us");
    assert.deepEqual(Buffer.from((await room.blobs.read(tarballKey(release))) ?? []), Buffer.from(published.tarball));
    const fragment = JSON.parse(Buffer.from((await room.blobs.read(fragmentKey(release))) ?? []).toString()) as unknown;
    assert.deepEqual(fragment, { ...left, dependencies: { a: "^1.0.0" } });
    const bind = (await room.checksums.bindsOf(name)).get(version);
    assert.match(bind?.tree ?? "", /^t1-/);
    assert.equal(bind?.source, "npm");
    assert.equal(bind?.signer, "-");
    assert.deepEqual(
      (await room.events()).map((event) => [event.kind, event.subject]),
      [["release.bound", "npm left@1.0.0"]],
    );
  });

  test("asked for by 200 at once is downloaded and bound once", async (t) => {
    const room = await rooms(t);
    const { path, integrity } = room.upstream.publish(left);
    const releases = await Promise.all(Array.from({ length: 200 }, () => room.admission.admit(name, version)));
    assert.deepEqual(new Set(releases.map((release) => release.integrity)), new Set([integrity]));
    assert.equal(room.upstream.count(path), 1);
    assert.equal((await room.claims()).length, 1);
  });

  test("admitted by two processes at once is bound once", async (t) => {
    const room = await rooms(t);
    room.upstream.publish(left);
    const other = room.another();
    const [one, two] = await Promise.all([room.admission.admit(name, version), other.admit(name, version)]);
    assert.deepEqual(one, two);
    assert.equal((await room.claims()).length, 1);
    assert.equal((await room.events()).length, 1);
  });

  test("of more than a mebibyte goes through the spool and leaves nothing there", async (t) => {
    const room = await rooms(t);
    const published = room.upstream.publish({ ...left, files: { "data.bin": randomBytes(3 * 1024 * 1024) } });
    const release = await room.admission.admit(name, version);
    assert.equal(release.integrity, published.integrity);
    assert.deepEqual(Buffer.from((await room.blobs.read(tarballKey(release))) ?? []), Buffer.from(published.tarball));
    assert.equal(room.spool.usedBytes, 0);
    assert.deepEqual(await readdir(join(room.folder, "spool")), []);
  });

  test("that is bound already is not asked for again", async (t) => {
    const room = await rooms(t);
    const { path } = room.upstream.publish(left);
    const first = await room.admission.admit(name, version);
    assert.equal((await room.admission.admit(name, version)).integrity, first.integrity);
    assert.equal(room.upstream.count(path), 1);
  });
});

describe("the integrity policy", () => {
  const table = [
    ["require", "both", "admitted"],
    ["require", "sha1", "upstream/no-integrity"],
    ["require", "none", "upstream/no-integrity"],
    ["accept-sha1", "both", "admitted"],
    ["accept-sha1", "sha1", "admitted"],
    ["accept-sha1", "none", "upstream/no-integrity"],
    ["compute", "sha1", "admitted"],
    ["compute", "none", "admitted"],
  ] as const;
  for (const [policy, digests, outcome] of table) {
    test(`${policy}, with ${digests} listed: ${outcome}`, async (t) => {
      const room = await rooms(t, { integrity: policy });
      const { integrity } = room.upstream.publish({ ...left, digests });
      if (outcome === "admitted") {
        assert.equal((await room.admission.admit(name, version)).integrity, integrity);
      } else {
        assert.equal((await refused(room.admission.admit(name, version), "BLOCKED")).details.rule, outcome);
        await assertNothingCameIn(room);
      }
    });
  }

  test("checks the listed sha1 when nothing stronger is listed", async (t) => {
    const room = await rooms(t);
    const { path } = room.upstream.publish({ ...left, digests: "sha1" });
    room.upstream.lie(path, flippedByte(20));
    await refused(room.admission.admit(name, version), "UPSTREAM_WRONG_BYTES");
    await assertNothingCameIn(room);
  });
});

describe("wrong bytes with nothing bound", () => {
  test("are refused, kept as evidence, announced, and remembered for 30 s; the next good answer works", async (t) => {
    const room = await rooms(t);
    const { path, integrity } = room.upstream.publish(left);
    const wrong = Buffer.from("wrong bytes");
    room.upstream.lie(path, otherBytes(wrong));
    const error = await refused(room.admission.admit(name, version), "UPSTREAM_WRONG_BYTES");
    assert.equal(error.status, 502);
    assert.match(error.message, /^[\x20-\x7e]+$/);
    await assertNothingCameIn(room);

    const sha256 = createHash("sha256").update(wrong).digest("hex");
    assert.deepEqual(await room.blobKeys("evidence"), [`evidence/${sha256.slice(0, 2)}/${sha256}`]);
    const [event] = await room.events();
    assert.equal(event?.kind, "upstream.wrong-bytes");
    assert.deepEqual(
      { ...event?.data, reason: "" },
      { source: "npm", reason: "", sha256, sizeBytes: wrong.length, kept: true },
    );

    room.upstream.honest();
    await refused(room.admission.admit(name, version), "UPSTREAM_WRONG_BYTES");
    assert.equal(room.upstream.count(path), 1, "remembered: not downloaded again");
    await room.clock.advance(31_000);
    assert.equal((await room.admission.admit(name, version)).integrity, integrity);
  });

  test("are kept once for a version and source, and within the budget", async (t) => {
    const room = await rooms(t, { evidence: { eachBytes: 100, totalBytes: 150 } });
    for (const [number, size] of [
      [1, 90],
      [1, 80],
      [2, 101],
      [3, 61],
      [4, 60],
    ] as const) {
      const { path } = room.upstream.publish({ name: "left", version: `${number}.0.0` });
      room.upstream.lie(path, otherBytes("x".repeat(size)));
      await room.clock.advance(6 * minute);
      await refused(room.admission.admit(name, parseVersion(`${number}.0.0`)), "UPSTREAM_WRONG_BYTES");
    }
    const kept = (await room.events())
      .filter((event) => event.kind === "upstream.wrong-bytes")
      .map((event) => event.data["kept"]);
    assert.deepEqual(kept, [true, false, false, false, true]);
    assert.equal((await room.blobKeys("evidence")).length, 2);
  });

  test("stop no other package and no other version", async (t) => {
    const room = await rooms(t);
    const { path } = room.upstream.publish(left);
    room.upstream.publish({ ...left, version: "1.1.0" });
    room.upstream.publish({ ...left, name: "right" });
    room.upstream.lie(path, otherBytes("x"));
    await refused(room.admission.admit(name, version), "UPSTREAM_WRONG_BYTES");
    await room.admission.admit(name, parseVersion("1.1.0"));
    await room.admission.admit(parsePackageName("right"), version);
  });
});

describe("a refused archive or manifest", () => {
  test("is 403, and nothing of it stays", async (t) => {
    const room = await rooms(t);
    const names = Object.keys(hostileArchives(left)).filter((what) => what !== "no end blocks");
    assert.ok(names.length >= 25);
    // All are published before the first packument is read.
    for (const [index, what] of names.entries()) {
      const release = { name: "left", version: `1.0.${index}` };
      room.upstream.publish({ ...release, tarball: hostileArchives(release)[what] ?? Buffer.alloc(0) });
    }
    for (const [index, what] of names.entries()) {
      const error = await refused(room.admission.admit(name, parseVersion(`1.0.${index}`)), "BLOCKED");
      assert.equal(error.status, 403, what);
      assert.match(error.details.rule, /^archive\//, what);
    }
    await assertNothingCameIn(room);
  });

  test("with too many entries is 403", async (t) => {
    const room = await rooms(t);
    room.upstream.publish({ ...left, tarball: manyEntriesArchive(left, 1000) });
    assert.equal(
      (await refused(room.admission.admit(name, version), "BLOCKED")).details.rule,
      "archive/too-many-entries",
    );
  });

  test("whose listing has another dependency is 403", async (t) => {
    const room = await rooms(t);
    room.upstream.publish(left);
    room.upstream.edit("left", (document) => {
      Object.assign(document.versions["1.0.0"] ?? {}, { dependencies: { evil: "1.0.0" } });
    });
    assert.equal(
      (await refused(room.admission.admit(name, version), "BLOCKED")).details.rule,
      "manifest/dependency-added",
    );
    await assertNothingCameIn(room);
  });

  test("of another package under this name is 403", async (t) => {
    const room = await rooms(t);
    const other = room.upstream.publish({ name: "evil", version: "1.0.0" });
    room.upstream.publish({ ...left, tarball: other.tarball });
    assert.equal((await refused(room.admission.admit(name, version), "BLOCKED")).details.rule, "manifest/name");
  });

  test("is not downloaded again for 30 s, unless the listing changes", async (t) => {
    const room = await rooms(t, { maxAgeSeconds: 1 });
    const archives = hostileArchives(left);
    const { path } = room.upstream.publish({ ...left, tarball: archives["symbolic link"] ?? Buffer.alloc(0) });
    for (let i = 0; i < 3; i++) await refused(room.admission.admit(name, version), "BLOCKED");
    assert.equal(room.upstream.count(path), 1);
    await room.clock.advance(31_000);
    await refused(room.admission.admit(name, version), "BLOCKED");
    assert.equal(room.upstream.count(path), 2);

    room.upstream.publish(left);
    await room.clock.advance(2000);
    await room.admission.admit(name, version);
  });
});

describe("an upstream that fails", () => {
  const failures = [
    ["404", status(404), "NOT_FOUND"],
    ["500", status(500), "UPSTREAM_UNAVAILABLE"],
    ["403", status(403), "UPSTREAM_BAD_ANSWER"],
    ["a closed connection", reset, "UPSTREAM_UNAVAILABLE"],
    ["a truncated body", truncated(50), "UPSTREAM_UNAVAILABLE"],
    ["a stalled body", stalled(50), "UPSTREAM_UNAVAILABLE"],
    ["silence", hang, "UPSTREAM_UNAVAILABLE"],
    ["a redirect inward", redirect("http://169.254.169.254/"), "UPSTREAM_BAD_ANSWER"],
  ] as const;
  for (const [what, lie, code] of failures) {
    test(`with ${what} leaves nothing, and is asked again next time`, async (t) => {
      const room = await rooms(t);
      const { path, integrity } = room.upstream.publish(left);
      room.upstream.lie(path, lie);
      await refused(room.admission.admit(name, version), code);
      await assertNothingCameIn(room);
      assert.deepEqual(await room.blobKeys("evidence"), []);
      room.upstream.honest();
      assert.equal((await room.admission.admit(name, version)).integrity, integrity);
    });
  }

  test("with more bytes than allowed is cut off", async (t) => {
    const room = await rooms(t, { limits: { tarballBytes: 2 * 1024 * 1024 } });
    room.upstream.publish({ ...left, files: { "data.bin": randomBytes(3 * 1024 * 1024) } });
    await refused(room.admission.admit(name, version), "UPSTREAM_BAD_ANSWER");
    await assertNothingCameIn(room);
  });

  test("by not listing the version is not found", async (t) => {
    const room = await rooms(t);
    room.upstream.publish(left);
    await refused(room.admission.admit(name, parseVersion("9.9.9")), "NOT_FOUND");
    await refused(room.admission.admit(parsePackageName("never"), version), "NOT_FOUND");
  });
});

describe("bound and different", () => {
  test("keeps what was bound when another process bound first, with one conflict record", async (t) => {
    const room = await rooms(t);
    room.upstream.publish(left);
    const standing = {
      name,
      version,
      integrity: integrityFromSha512(Buffer.alloc(64, 7)),
      tree: `t1-${Buffer.alloc(32, 1).toString("base64")}`,
      manifest: `sha256-${Buffer.alloc(32, 2).toString("base64")}`,
      sizeBytes: 5,
      source: "other",
      signer: "-",
    };
    // Nothing tells this process of the bind: its memory still says unbound.
    await room.releases.packageState(name);
    await room.database.write((transaction) => room.checksums.claimBind(transaction, standing));
    const release = await room.admission.admit(name, version);
    assert.equal(release.integrity, standing.integrity);
    assert.deepEqual(
      (await room.claims()).map((claim) => claim.kind),
      ["bind", "conflict"],
    );
    assert.deepEqual(
      (await room.events()).map((event) => event.kind),
      ["upstream.conflict"],
    );
  });

  test("is served as bound when the listing changes later, with one conflict record", async (t) => {
    const room = await rooms(t);
    const { integrity } = room.upstream.publish(left);
    await room.admission.admit(name, version);
    room.upstream.publish({ ...left, files: { "evil.js": "1" } });
    await room.clock.advance(6 * minute);
    await room.upstreams.packument(name);
    assert.equal((await room.admission.admit(name, version)).integrity, integrity);
    await room.clock.advance(6 * minute);
    room.upstream.publish({ ...left, files: { "evil.js": "2" } });
    await room.upstreams.packument(name);
    assert.deepEqual(
      (await room.claims()).map((claim) => claim.kind),
      ["bind", "conflict"],
    );
  });
});

describe("restoring lost bytes", () => {
  test("fetches the bound bytes again", async (t) => {
    const room = await rooms(t);
    const published = room.upstream.publish(left);
    const release = await room.admission.admit(name, version);
    await room.blobs.remove(tarballKey(release));
    await Promise.all([room.admission.restore(name, version), room.admission.restore(name, version)]);
    assert.deepEqual(Buffer.from((await room.blobs.read(tarballKey(release))) ?? []), Buffer.from(published.tarball));
    assert.equal(room.upstream.count(published.path), 2);
  });

  test("refuses other bytes, with evidence and one conflict record", async (t) => {
    const room = await rooms(t);
    const { path } = room.upstream.publish(left);
    const release = await room.admission.admit(name, version);
    await room.blobs.remove(tarballKey(release));
    room.upstream.lie(path, flippedByte(30));
    for (let i = 0; i < 3; i++) {
      await refused(room.admission.restore(name, version), "UPSTREAM_WRONG_BYTES");
      await room.clock.advance(20_000);
    }
    assert.equal(await room.blobs.read(tarballKey(release)), undefined);
    assert.deepEqual(
      (await room.claims()).map((claim) => claim.kind),
      ["bind", "conflict"],
    );
    assert.equal((await room.blobKeys("evidence")).length, 1);
    assert.equal(room.upstream.count(path), 3, "the second try was answered from memory");
  });

  test("of a version that was never bound is not found", async (t) => {
    const room = await rooms(t);
    room.upstream.publish(left);
    await refused(room.admission.restore(name, version), "NOT_FOUND");
  });
});

test("integrities of the log and of the blob are one", () => {
  const integrity = parseIntegrity(`sha512-${Buffer.alloc(64, 1).toString("base64")}`);
  assert.equal(tarballKey({ integrity }), `tarball/01/${"01".repeat(64)}`);
});
