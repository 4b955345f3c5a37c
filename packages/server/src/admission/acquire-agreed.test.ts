import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { isAssayError, parsePackageName, parseVersion, type ErrorCode } from "@assay/core";
import { otherBytes, status, truncated, type Lie } from "@assay/testkit/lies";
import { tempFolder } from "@assay/testkit/temp-folder";
import { statementsOf } from "./store.ts";
import { createTestRooms, type TestRoomsOptions } from "../../test/admission-rooms.ts";

const name = parsePackageName("left");
const version = parseVersion("1.0.0");
const left = { name: "left", version: "1.0.0" };

/** Rooms whose registry `npm` and mirrors all have left@1.0.0, of which `agree` must serve the same. */
async function sources(t: TestContext, agree: number, options: TestRoomsOptions = {}) {
  const rooms = await createTestRooms(tempFolder(t), { mirrors: ["one", "two"], ...options, agree });
  t.after(() => rooms[Symbol.asyncDispose]());
  const published = rooms.upstream.publish(left);
  for (const mirror of Object.values(rooms.mirrors)) mirror.publish(left);
  const at = (alias: string) => (alias === "npm" ? rooms.upstream : rooms.mirrors[alias]);
  return {
    ...rooms,
    published,
    lie: (alias: string, what: Lie) => at(alias)?.lie(published.path, what),
    asked: (alias: string) => at(alias)?.count(published.path) ?? 0,
  };
}

const refusedWith = (code: ErrorCode, sentence: RegExp) => (error: unknown) =>
  isAssayError(error, code) && sentence.test(error.message);
const evidenceOf = (text: string): string => {
  const sha256 = createHash("sha256").update(text).digest("hex");
  return `evidence/${sha256.slice(0, 2)}/${sha256}`;
};

test("as many sources as must agree are asked, no more, and those that confirm are on record", async (t) => {
  const { admission, published, asked, claimTexts } = await sources(t, 2);
  assert.equal((await admission.admit(name, version)).integrity, published.integrity);
  assert.deepEqual([asked("npm"), asked("one"), asked("two")], [1, 1, 0]);
  assert.match((await claimTexts("bind"))[0] ?? "", /^source npm$/m);
  const [confirm, ...more] = await claimTexts("confirm");
  assert.match(confirm ?? "", /^source one$/m);
  assert.ok(confirm?.includes(`integrity ${published.integrity}\n`));
  assert.deepEqual(more, []);
});

test("one that is down makes room for the next", async (t) => {
  const { admission, lie, published, claimTexts } = await sources(t, 2);
  lie("npm", status(500));
  assert.equal((await admission.admit(name, version)).integrity, published.integrity);
  assert.match((await claimTexts("bind"))[0] ?? "", /^source one$/m);
  assert.match((await claimTexts("confirm"))[0] ?? "", /^source two$/m);
});

test("one that lies is put aside once the others agree", async (t) => {
  const { admission, lie, published, claimTexts, upstreams } = await sources(t, 2);
  lie("one", otherBytes("evil"));
  assert.equal((await admission.admit(name, version)).integrity, published.integrity);
  assert.deepEqual([...(await upstreams.standing.aside()).keys()], ["one"]);
  assert.match((await claimTexts("conflict"))[0] ?? "", /^source one$/m);
  assert.match((await claimTexts("confirm"))[0] ?? "", /^source two$/m);
});

test("when they do not agree nothing is bound, what each served is kept, and nobody is put aside", async (t) => {
  const rooms = await sources(t, 2, { mirrors: ["one"] });
  const { admission, lie, upstreams } = rooms;
  lie("one", otherBytes("evil"));
  await assert.rejects(
    admission.admit(name, version),
    refusedWith("SOURCES_DISAGREE", /2 sources must agree on its bytes.*the listing, npm: sha512-.*; one: sha512-/),
  );
  assert.deepEqual(await rooms.claimTexts("bind"), []);
  assert.equal((await rooms.claimTexts("conflict")).length, 2, "one for each, for nobody knows who is right");
  assert.ok((await rooms.blobKeys("evidence")).includes(evidenceOf("evil")));
  assert.equal((await rooms.blobKeys("evidence")).length, 2);
  assert.equal((await rooms.blobKeys("tarball")).length, 0);
  assert.deepEqual([...(await upstreams.standing.aside()).keys()], []);
  const [incident, ...more] = (await rooms.events()).filter(({ kind }) => kind === "incident.sources-disagree");
  assert.equal(incident?.subject, "npm left@1.0.0");
  assert.deepEqual(more, []);

  // For a while nobody is asked again; then the incident may have passed.
  await assert.rejects(admission.admit(name, version), refusedWith("SOURCES_DISAGREE", /left@1.0.0/));
  assert.equal(rooms.asked("one"), 1);
  rooms.mirrors["one"]?.honest();
  await rooms.clock.advance(31_000);
  await admission.admit(name, version);
});

test("what each lists and signed is kept beside what it served, as far as it can be read", async (t) => {
  const rooms = await sources(t, 2, { mirrors: ["one"] });
  const { published, lie } = rooms;
  const signatures = [{ keyid: "SHA256:owner", sig: "MEUC" }];
  rooms.upstream.put("/left/1.0.0", JSON.stringify({ dist: { integrity: published.integrity, signatures } }));
  rooms.mirrors["one"]?.put(
    "/left/1.0.0",
    JSON.stringify({ dist: { integrity: published.integrity, signatures: "?" } }),
  );
  lie("one", otherBytes("evil"));
  await assert.rejects(rooms.admission.admit(name, version), refusedWith("SOURCES_DISAGREE", /left/));
  const kept = await statementsOf(rooms.database.read, name, version);
  assert.deepEqual([...kept.keys()], ["npm"], "nothing is made of what cannot be read");
  assert.deepEqual(JSON.parse(kept.get("npm") ?? ""), { integrity: published.integrity, signatures });
});

test("a listing that others contradict is a disagreement, though its registry serves what it lists", async (t) => {
  const rooms = await sources(t, 2);
  // The registry lists and serves other bytes than its mirrors copied before.
  rooms.upstream.remove("left");
  rooms.upstream.publish({ ...left, files: { "evil.js": "steal()" } });
  await assert.rejects(rooms.admission.admit(name, version), refusedWith("SOURCES_DISAGREE", /one, two: sha512-/));
  assert.deepEqual(await rooms.claimTexts("bind"), []);
  assert.deepEqual([...(await rooms.upstreams.standing.aside()).keys()], []);
});

test("too few that answer is no disagreement: later may be better", async (t) => {
  const { admission, lie, claims, events } = await sources(t, 3);
  lie("one", truncated(10));
  lie("two", status(404));
  await assert.rejects(
    admission.admit(name, version),
    refusedWith("UPSTREAM_UNAVAILABLE", /3 operators must serve the same bytes, 1 did/),
  );
  assert.deepEqual(await claims(), []);
  assert.deepEqual(await events(), []);
});

test("without a listed digest sources that differ from the owner's bytes do not outvote it", async (t) => {
  const rooms = await sources(t, 2, { integrity: "compute" });
  const bare = { name: "bare", version: "1.0.0", digests: "none" } as const;
  rooms.upstream.publish(bare);
  for (const mirror of Object.values(rooms.mirrors)) mirror.publish({ ...bare, files: { "evil.js": "" } });
  await assert.rejects(
    rooms.admission.admit(parsePackageName("bare"), version),
    refusedWith("SOURCES_DISAGREE", /npm/),
  );
  assert.deepEqual(await rooms.claimTexts("bind"), []);
});
