import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { decodeUtf8, isAssayError, parseDelegation, parsePackageName, parseVersion } from "@assay/core";
import { status } from "@assay/testkit/lies";
import { createRegistrySigner, publishKeys, setSignatures } from "@assay/testkit/registry-signer";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestRooms, type TestRoomsOptions } from "../../test/admission-rooms.ts";

const name = parsePackageName("left");
const secondMs = 1000;

/**
 * left@1.0.0 at `npm`, and left@2.0.0 there, whose package.json says that it moved to the registry `domain`; both came
 * in, 2.0.0 with this signature of the owner.
 */
async function moving(
  t: TestContext,
  delegations: TestRoomsOptions["delegations"] = "ask",
  signed: "by the owner" | "by nobody" = "by the owner",
) {
  const rooms = await createTestRooms(tempFolder(t), { others: ["domain"], delegations });
  t.after(() => rooms[Symbol.asyncDispose]());
  const { upstream, mirrors, admission } = rooms;
  const domain = mirrors["domain"];
  assert.ok(domain);
  const signer = createRegistrySigner();
  if (signed === "by the owner") publishKeys(upstream, signer);
  const manifest = { assay: { movedTo: `${domain.url}/` } };
  const releases = [{ version: "1.0.0" }, { version: "2.0.0", manifest }].map((one) => ({ name: "left", ...one }));
  for (const release of releases) {
    const { integrity } = upstream.publish(release);
    if (signed === "by the owner")
      setSignatures(upstream, "left", release.version, [signer.sign({ ...release, integrity })]);
  }
  for (const { version } of releases) await admission.admit(name, parseVersion(version));
  const stop = new AbortController();
  t.after(() => stop.abort());
  return {
    ...rooms,
    domain,
    keyid: signer.key.keyid,
    releases,
    start: () => void rooms.delegations.run(stop.signal),
    state: async () => (await rooms.delegations.list()).map(({ state, problem }) => [state, problem]),
  };
}

test("a release that nobody's verified signature covers moves nothing, nor one where delegations are off", async (t) => {
  const unsigned = await moving(t, "ask", "by nobody");
  assert.deepEqual(await unsigned.delegations.list(), []);
  const off = await moving(t, "off");
  assert.deepEqual(await off.delegations.list(), []);
});

test("a person accepts once the new registry has every bound version, and then it owns the name", async (t) => {
  const room = await moving(t);
  const { delegations, domain, releases, upstreams, upstream } = room;
  assert.match((await delegations.accept(name)) ?? "", /domain does not have it/);
  domain.publish(releases[0] ?? { name: "left", version: "1.0.0" });
  assert.match((await delegations.accept(name)) ?? "", /domain does not list 2\.0\.0/);
  for (const release of releases.slice(1)) domain.publish(release);
  domain.publish({ name: "left", version: "3.0.0" });
  assert.equal(await delegations.accept(name), undefined);

  assert.equal(upstreams.ownerOf(name), "domain");
  await assert.rejects(delegations.refuse(name), (error) => isAssayError(error, "USAGE"));
  assert.equal((await room.state())[0]?.[0], "active", "what is in force cannot be shown as refused");
  assert.deepEqual([...(await upstreams.packument(name)).versions.keys()], ["1.0.0", "2.0.0", "3.0.0"]);
  const asked = upstream.count("/left");
  await room.admission.admit(name, parseVersion("3.0.0"));
  assert.equal(upstream.count("/left"), asked, "the former owner is not asked any more");
  assert.equal(upstreams.ownerOf(parsePackageName("right")), "npm");

  const [record] = await room.claimTexts("delegate");
  assert.match(record ?? "", /^from npm\nto domain\nstatement sha256-/m);
  const [key] = await room.blobKeys("delegation");
  const statement = parseDelegation(decodeUtf8((await room.blobs.read((key ?? "") as never)) ?? new Uint8Array()));
  assert.deepEqual([statement.version, statement.signer, statement.to], ["2.0.0", room.keyid, domain.url]);
  assert.deepEqual(
    (await room.events()).map(({ kind }) => kind).filter((kind) => kind.startsWith("delegation.")),
    ["delegation.found", "delegation.followed"],
  );
});

test("what the new registry lists with other bytes is in the way, for ever", async (t) => {
  const { delegations, domain, releases, claimTexts } = await moving(t);
  for (const release of releases) domain.publish({ ...release, files: { "evil.js": "1" } });
  assert.match((await delegations.accept(name)) ?? "", /domain lists other bytes for 1\.0\.0, 2\.0\.0/);
  assert.deepEqual(await claimTexts("delegate"), []);
});

test("a statement that latest does not point to any more moves nothing", async (t) => {
  const { delegations, domain, releases, upstream, clock } = await moving(t);
  for (const release of releases) domain.publish(release);
  upstream.tag("left", "latest", "1.0.0");
  await clock.advance(400 * secondMs);
  assert.match((await delegations.accept(name)) ?? "", /latest is not 2\.0\.0 at npm/);
});

test("while the owner does not answer nothing moves", async (t) => {
  const { delegations, domain, releases, upstream, clock } = await moving(t);
  for (const release of releases) domain.publish(release);
  upstream.lie("/left", status(500));
  await clock.advance(400 * secondMs);
  assert.match((await delegations.accept(name)) ?? "", /npm does not answer/);
});

test("with ask a person is told and decides; with follow it is followed by itself", async (t) => {
  const asking = await moving(t);
  for (const release of asking.releases) asking.domain.publish(release);
  asking.start();
  await until(async () => (await asking.state())[0]?.[0] === "asking");
  assert.equal(asking.upstreams.ownerOf(name), "npm");
  await asking.delegations.refuse(name);
  await asking.clock.advance(20 * secondMs);
  assert.deepEqual(await asking.state(), [["refused", undefined]]);

  const following = await moving(t, "follow");
  for (const release of following.releases) following.domain.publish(release);
  following.start();
  await until(async () => following.upstreams.ownerOf(name) === "domain");
  assert.deepEqual(await following.state(), [["active", undefined]]);
});

test("a package that said nothing can be neither accepted nor refused", async (t) => {
  const { delegations } = await moving(t, "ask", "by nobody");
  const isUnknown = (error: unknown) => isAssayError(error, "NOT_FOUND");
  await assert.rejects(delegations.accept(name), isUnknown);
  await assert.rejects(delegations.refuse(name), isUnknown);
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}
