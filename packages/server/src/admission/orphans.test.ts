import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parsePackageName, parseVersion } from "@assay/core";
import { otherBytes } from "@assay/testkit/lies";
import { tempFolder } from "@assay/testkit/temp-folder";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import { bindFacts } from "../checksums/test-log.ts";
import { tarballKey } from "./claim.ts";
import { createTestRooms, type TestRooms } from "../../test/admission-rooms.ts";

const name = parsePackageName("left");
const version = parseVersion("1.0.0");
const never = new AbortController().signal;
const hours = 3_600_000;

interface Room extends TestRooms {
  /** Makes all blobs two hours old. */
  age(): Promise<void>;
}

async function createRoom(t: TestContext, wrapBlobs: (blobs: BlobStore) => BlobStore): Promise<Room> {
  const folder = tempFolder(t);
  const rooms = await createTestRooms(folder, { wrapBlobs });
  t.after(() => rooms[Symbol.asyncDispose]());
  rooms.upstream.publish({ name, version });
  return {
    ...rooms,
    async age() {
      const when = (rooms.clock.now() - 2 * hours) / 1000;
      for (const kind of ["tarball", "manifest", "attestation", "evidence"]) {
        for (const key of await rooms.blobKeys(kind)) await utimes(join(folder, "blobs", key), when, when);
      }
    },
  };
}

/** Fails like a process that dies: at the first put of this kind, before or after it. */
function dyingAt(kind: string, when: "before" | "after"): (blobs: BlobStore) => BlobStore {
  let alive = true;
  return (blobs) => ({
    ...blobs,
    async put(key, source, expected) {
      const dies = alive && key.startsWith(kind);
      if (dies) alive = false;
      if (dies && when === "before") throw new Error("died");
      const outcome = await blobs.put(key, source, expected);
      if (dies) throw new Error("died");
      return outcome;
    },
  });
}

for (const [kind, when, orphans] of [
  ["tarball", "before", 0],
  ["tarball", "after", 1],
  ["manifest", "before", 1],
  ["manifest", "after", 2],
] as const) {
  test(`a death ${when} the ${kind} is stored leaves ${orphans} orphans, which are collected after an hour, and no claim`, async (t) => {
    const room = await createRoom(t, dyingAt(kind, when));
    await assert.rejects(room.admission.admit(name, version), /died/);
    assert.deepEqual(await room.claims(), []);
    assert.equal(room.spool.usedBytes, 0);
    assert.deepEqual(await room.admission.collectOrphans(never), { removed: 0 }, "too young");
    await room.age();
    assert.deepEqual(await room.admission.collectOrphans(never), { removed: orphans });
    assert.deepEqual([...(await room.blobKeys("tarball")), ...(await room.blobKeys("manifest"))], []);
    await room.admission.admit(name, version);
    await room.age();
    assert.deepEqual(await room.admission.collectOrphans(never), { removed: 0 });
    assert.equal((await room.claims()).length, 1);
  });
}

test("a signed bundle of a publish that died is collected, one of a published version is not", async (t) => {
  const room = await createRoom(t, dyingAt("attestation", "after"));
  const text = "tarball and fragment";
  const facts = { ...bindFacts(1, text), sizeBytes: text.length, source: "hosted" };
  const bundle = { text: "a bundle", digest: createHash("sha256").update("a bundle").digest("hex") };
  const release = { facts, fragment: text, tarball: new TextEncoder().encode(text), attestations: [bundle] };
  await assert.rejects(
    room.admission.bind(release, async () => {}),
    /died/,
  );
  await room.age();
  assert.deepEqual(await room.admission.collectOrphans(never), { removed: 3 });
  assert.deepEqual(await room.blobKeys("attestation"), []);
  await room.admission.bind(release, async () => {});
  await room.age();
  assert.deepEqual(await room.admission.collectOrphans(never), { removed: 0 });
  assert.equal((await room.blobKeys("attestation")).length, 1);
});

test("bound blobs and kept evidence are never orphans", async (t) => {
  const room = await createRoom(t, (blobs) => blobs);
  const { path } = room.upstream.publish({ name: "right", version });
  room.upstream.lie(path, otherBytes("x"));
  await room.admission.admit(name, version);
  await assert.rejects(room.admission.admit(parsePackageName("right"), version));
  await room.age();
  assert.deepEqual(await room.admission.collectOrphans(never), { removed: 0 });
  assert.equal((await room.blobKeys("evidence")).length, 1);
  assert.equal((await room.blobKeys("tarball")).length, 1);
});

test("an orphan that is wanted again while it is removed is stored again before it is claimed", async (t) => {
  const removing = Promise.withResolvers<void>();
  const mayRemove = Promise.withResolvers<void>();
  let dying = dyingAt("manifest", "before");
  const room = await createRoom(t, (blobs) => {
    const mortal = dying(blobs);
    dying = (same) => same;
    return {
      ...mortal,
      async remove(key) {
        removing.resolve();
        await mayRemove.promise;
        await blobs.remove(key);
      },
    };
  });
  await assert.rejects(room.admission.admit(name, version), /died/);
  await room.age();

  const collecting = room.admission.collectOrphans(never);
  await removing.promise;
  // The orphan is doomed and still there: the store says "present", and only the claim can notice.
  const admitting = room.admission.admit(name, version);
  await room.clock.untilSleepers(1);
  assert.deepEqual(await room.claims(), []);
  mayRemove.resolve();
  assert.deepEqual(await collecting, { removed: 1 });
  await room.clock.advance(200);
  const release = await admitting;
  assert.notEqual(await room.blobs.read(tarballKey(release)), undefined, "bound, so it must be there");
});

test("a removal that a crash cut off is finished by a later run", async (t) => {
  let fails = true;
  const room = await createRoom(t, (blobs) => ({
    ...dyingAt("manifest", "before")(blobs),
    async remove(key) {
      if (fails) throw new Error("died");
      await blobs.remove(key);
    },
  }));
  await assert.rejects(room.admission.admit(name, version), /died/);
  await room.age();
  await assert.rejects(room.admission.collectOrphans(never), /died/);
  fails = false;
  await room.clock.advance(11 * 60_000);
  assert.deepEqual(await room.admission.collectOrphans(never), { removed: 1 });
  await room.admission.admit(name, version);
});

test("collecting stops when it is told to", async (t) => {
  const room = await createRoom(t, dyingAt("manifest", "before"));
  await assert.rejects(room.admission.admit(name, version), /died/);
  await room.age();
  assert.deepEqual(await room.admission.collectOrphans(AbortSignal.abort()), { removed: 0 });
});
