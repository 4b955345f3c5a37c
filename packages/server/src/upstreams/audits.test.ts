import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { isAssayError, parsePackageName, parseVersion, type ErrorCode } from "@assay/core";
import { hang, status } from "@assay/testkit/lies";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestRooms } from "../../test/admission-rooms.ts";
import { decideView } from "../serving/view.ts";

const name = parsePackageName("left");
const version = parseVersion("1.0.0");
const left = { name: "left", version: "1.0.0" };
const minuteMs = 60_000;

/** A registry that has left@1.0.0 and 1.1.0, of which these auditors list only what tests publish at them. */
async function audited(t: TestContext, auditors: readonly string[]) {
  const rooms = await createTestRooms(tempFolder(t), { auditors });
  t.after(() => rooms[Symbol.asyncDispose]());
  const published = rooms.upstream.publish(left);
  rooms.upstream.publish({ ...left, version: "1.1.0" });
  const shown = async (): Promise<readonly string[]> => {
    const packument = await rooms.upstreams.packument(name);
    const state = await rooms.releases.packageState(name);
    return decideView(packument, state, rooms.upstreams.keys.context("npm")).versions.map((one) => one.version);
  };
  return { ...rooms, published, shown, at: (alias: string) => rooms.mirrors[alias] };
}

const refusedWith = (code: ErrorCode, sentence: RegExp) => (error: unknown) =>
  isAssayError(error, code) && sentence.test(error.message);

test("shows and admits what every needed auditor lists, and names the auditor that does not list the rest", async (t) => {
  const { at, shown, admission, published, releases, claimTexts } = await audited(t, ["lab", "office"]);
  at("lab")?.publish(left);
  at("lab")?.publish({ ...left, version: "1.1.0" });
  at("office")?.publish(left);
  assert.deepEqual(await shown(), ["1.0.0"]);
  assert.equal((await admission.admit(name, version)).integrity, published.integrity);
  await assert.rejects(
    admission.admit(name, parseVersion("1.1.0")),
    refusedWith("BLOCKED", /auditor\/not-listed: 1 of 2 needed auditors examined it \(not listed by office\)/),
  );
  assert.equal((await releases.gate(name, parseVersion("1.1.0"))).verdict, "refuse");
  assert.equal((await claimTexts("bind")).length, 1);
});

test("a version that an auditor takes off its list is refused though it was served before", async (t) => {
  const { at, shown, admission, releases, clock } = await audited(t, ["lab"]);
  at("lab")?.publish(left);
  await admission.admit(name, version);
  at("lab")?.remove("left", "1.0.0");
  await clock.advance(6 * minuteMs);
  assert.deepEqual(await shown(), []);
  assert.equal((await releases.gate(name, version)).verdict, "refuse");
  at("lab")?.publish(left);
  await clock.advance(6 * minuteMs);
  assert.deepEqual(await shown(), ["1.0.0"]);
});

test("an auditor that does not answer changes nothing: what it examined stays, what is new waits", async (t) => {
  const { at, shown, upstream, clock } = await audited(t, ["lab"]);
  at("lab")?.publish(left);
  assert.deepEqual(await shown(), ["1.0.0"]);
  for (const way of [status(500), hang]) {
    at("lab")?.lie("/left", way);
    upstream.publish({ ...left, version: "2.0.0" });
    await clock.advance(6 * minuteMs);
    assert.deepEqual(await shown(), ["1.0.0"]);
  }
  at("lab")?.honest();
  at("lab")?.publish({ ...left, version: "2.0.0" });
  await clock.advance(minuteMs);
  await clock.advance(6 * minuteMs);
  assert.deepEqual(await shown(), ["1.0.0", "2.0.0"]);
});

test("without the auditor's first word nothing shows and nothing comes in", async (t) => {
  const { at, shown, admission, claims } = await audited(t, ["lab"]);
  at("lab")?.lie("/left", status(500));
  assert.deepEqual(await shown(), []);
  await assert.rejects(admission.admit(name, version), refusedWith("BLOCKED", /not listed by lab/));
  assert.deepEqual(await claims(), []);
});

test("bytes that are not those that were examined do not come in, and do not show", async (t) => {
  const { at, shown, admission, claims } = await audited(t, ["lab"]);
  at("lab")?.publish({ ...left, files: { "other.js": "1" } });
  assert.deepEqual(await shown(), []);
  await assert.rejects(admission.admit(name, version), refusedWith("BLOCKED", /auditor\/other-bytes/));
  assert.deepEqual(await claims(), []);
});

test("what auditors list is asked for once in a while, and conditionally", async (t) => {
  const { at, shown, clock } = await audited(t, ["lab"]);
  at("lab")?.publish(left);
  await shown();
  await shown();
  assert.equal(at("lab")?.count("/left"), 1);
  await clock.advance(6 * minuteMs);
  await shown();
  const last = at("lab")?.requests.at(-1);
  assert.ok(last?.headers["if-none-match"] ?? last?.headers["if-modified-since"]);
});
