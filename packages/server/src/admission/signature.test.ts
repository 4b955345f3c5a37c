import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { isAssayError, parsePackageName, parseVersion } from "@assay/core";
import { status } from "@assay/testkit/lies";
import { createRegistrySigner, publishKeys, setSignatures } from "@assay/testkit/registry-signer";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestRooms, type TestRooms, type TestRoomsOptions } from "../../test/admission-rooms.ts";

const name = parsePackageName("left");
const version = parseVersion("1.0.0");
const npm = createRegistrySigner();
const stranger = createRegistrySigner();

async function rooms(t: TestContext, options: TestRoomsOptions = {}) {
  const room = await createTestRooms(tempFolder(t), options);
  t.after(() => room[Symbol.asyncDispose]());
  publishKeys(room.upstream, npm);
  const published = room.upstream.publish({ name, version, time: "2025-01-01T00:00:00.000Z" });
  return { ...room, published };
}

/** The keyid in the bind, or the rule or code that refused. */
async function outcome(room: TestRooms): Promise<string> {
  try {
    await room.admission.admit(name, version);
  } catch (error) {
    if (isAssayError(error, "BLOCKED")) return error.details.rule;
    if (isAssayError(error)) return error.code;
    throw error;
  }
  return (await room.checksums.bindsOf(name)).get(version)?.signer ?? "not bound";
}

test("a good signature stands in the bind as its signer", async (t) => {
  const room = await rooms(t);
  setSignatures(room.upstream, name, version, [npm.sign(room.published)]);
  assert.equal(await outcome(room), npm.key.keyid);
});

test("without a signature a version is bound with none, or refused where one is required", async (t) => {
  const lenient = await rooms(t);
  assert.equal(await outcome(lenient), "-");
  const strict = await rooms(t, { signatures: "require" });
  assert.equal(await outcome(strict), "signature/missing");
  assert.equal((await strict.checksums.bindsOf(name)).size, 0);
  assert.deepEqual(await strict.blobKeys("tarball"), []);
});

test("a bad signature by a known key is refused whatever is required, stored nowhere and on record", async (t) => {
  for (const signatures of ["prefer", "require"] as const) {
    const room = await rooms(t, { signatures });
    setSignatures(room.upstream, name, version, [npm.sign({ ...room.published, version: "1.0.1" })]);
    assert.equal(await outcome(room), "signature/invalid");
    assert.equal((await room.checksums.bindsOf(name)).size, 0);
    assert.deepEqual(await room.blobKeys("tarball"), []);
    const [event] = await room.events();
    assert.equal(event?.kind, "upstream.signature-refused");
    assert.equal(event?.subject, "npm left@1.0.0");
    assert.equal(event?.data["rule"], "signature/invalid");
  }
});

test("a signature by a key that had ended is refused", async (t) => {
  const room = await rooms(t);
  const old = createRegistrySigner({ expiresMs: Date.UTC(2024, 11) });
  publishKeys(room.upstream, npm, old);
  setSignatures(room.upstream, name, version, [old.sign(room.published)]);
  assert.equal(await outcome(room), "signature/expired");
});

test("a key that is new is asked for before the version is judged", async (t) => {
  const room = await rooms(t, { signatures: "require" });
  await room.upstreams.keys.current("npm");
  const next = createRegistrySigner();
  setSignatures(room.upstream, name, version, [next.sign(room.published)]);
  assert.equal(await outcome(room), "signature/unknown-key");
  publishKeys(room.upstream, npm, next);
  assert.equal(await outcome(room), "signature/unknown-key", "once a minute");
  await room.clock.advance(60_000);
  assert.equal(await outcome(room), next.key.keyid);
});

test("a signature by nobody's key decides nothing, or does not do where one is required", async (t) => {
  const lenient = await rooms(t);
  setSignatures(lenient.upstream, name, version, [stranger.sign(lenient.published)]);
  assert.equal(await outcome(lenient), "-");
  const strict = await rooms(t, { signatures: "require" });
  setSignatures(strict.upstream, name, version, [stranger.sign(strict.published)]);
  assert.equal(await outcome(strict), "signature/unknown-key");
});

test("where a signature is required and the keys can never be had, nothing is taken: later may be better", async (t) => {
  const room = await rooms(t, { signatures: "require" });
  room.upstream.lie("/-/npm/v1/keys", status(500));
  setSignatures(room.upstream, name, version, [npm.sign(room.published)]);
  assert.equal(await outcome(room), "UPSTREAM_UNAVAILABLE");
  room.upstream.honest();
  await room.clock.advance(60_000);
  assert.equal(await outcome(room), npm.key.keyid);
});

test("where signatures are ignored a bad one does not matter", async (t) => {
  const room = await rooms(t, { signatures: "ignore" });
  setSignatures(room.upstream, name, version, [npm.sign({ ...room.published, version: "1.0.1" })]);
  assert.equal(await outcome(room), "-");
});

test("the signature is judged against the bytes where the listing has no sha512", async (t) => {
  const room = await rooms(t);
  const integrity = room.published.integrity;
  room.upstream.edit(name, (document) => {
    const dist = document.versions[version]?.dist ?? {};
    delete dist["integrity"];
    dist["signatures"] = [npm.sign({ name, version, integrity })];
  });
  assert.equal(await outcome(room), npm.key.keyid);
});

test("a refused signature costs no second download until the listing changes", async (t) => {
  const room = await rooms(t, { maxAgeSeconds: 0 });
  const bad = npm.sign({ ...room.published, version: "1.0.1" });
  setSignatures(room.upstream, name, version, [bad]);
  for (let again = 0; again < 3; again++) assert.equal(await outcome(room), "signature/invalid");
  assert.equal(room.upstream.count(room.published.path), 1);
  setSignatures(room.upstream, name, version, [npm.sign(room.published)]);
  assert.equal(await outcome(room), npm.key.keyid);
});
