import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { parseVersion } from "@assay/core";
import * as lies from "@assay/testkit/lies";
import type { TestUpstream } from "@assay/testkit/upstream";
import { a, openRoom, type RoomOptions } from "../../test/upstream-room.ts";
import type { TarballOffers, TarballRequest } from "./upstreams.ts";

const version = parseVersion("1.0.0");
const path = "/a/-/a-1.0.0.tgz";

/** A room whose registry and mirrors all have a@1.0.0. */
async function openSources(t: TestContext, options: RoomOptions) {
  const opened = await openRoom(t, options);
  const { room, upstream, mirrors } = opened;
  const all: Record<string, TestUpstream> = { npm: upstream, ...mirrors };
  for (const one of Object.values(all)) one.publish({ name: "a", version, time: "2020-01-01T00:00:00.000Z" });
  const listed = (await room.packument(a)).versions.get(version);
  assert.ok(listed !== undefined);
  const ask = (more: Partial<TarballRequest> = {}): Promise<TarballOffers> =>
    room.tarballs({
      name: a,
      version,
      listed,
      isOwnerOnly: false,
      skip: () => false,
      signal: new AbortController().signal,
      ...more,
    });
  return { ...opened, all, listed, ask };
}

/** Who is asked, in order, when everybody's bytes turn out to be nothing. */
async function whoIsAsked(offers: TarballOffers): Promise<readonly string[]> {
  const asked: string[] = [];
  for (let offer = await offers.next(); offer !== undefined; offer = await offers.next()) {
    asked.push(offer.source);
    offer.response.body.destroy();
  }
  return asked;
}

test("the owner's tarball is asked for where it is listed, and comes exactly as sent", async (t) => {
  const { upstream, listed, ask } = await openSources(t, {});
  const elsewhere = `${upstream.url}/files/a.tgz`;
  upstream.put("/files/a.tgz", "the bytes");
  using offers = await ask({ listed: { ...listed, tarball: elsewhere } });
  const offer = await offers.next();
  assert.equal(offer?.source, "npm");
  assert.equal((await buffer(offer.response.body)).toString(), "the bytes");
  using unlisted = await ask({ listed: undefined });
  assert.equal((await unlisted.next())?.response.url, `${upstream.url}${path}`);
});

test("a listed URL that is none, or leads to other hosts, is a failure of its source", async (t) => {
  const { listed, ask } = await openSources(t, {});
  for (const tarball of ["/a/-/a-1.0.0.tgz", "file:///etc/passwd", "", "http://evil.example.com/a.tgz"]) {
    using offers = await ask({ listed: { ...listed, tarball } });
    assert.equal(await offers.next(), undefined);
    assert.deepEqual(
      offers.failures.map(({ code }) => code),
      ["UPSTREAM_BAD_ANSWER"],
      tarball,
    );
  }
});

test("sources are asked as they stand in the configuration", async (t) => {
  const { ask } = await openSources(t, { mirrors: { near: {}, far: {} } });
  assert.deepEqual(await whoIsAsked(await ask()), ["npm", "near", "far"]);
  assert.deepEqual(await whoIsAsked(await ask({ skip: (source) => source === "near" })), ["npm", "far"]);
  assert.deepEqual(await whoIsAsked(await ask({ isOwnerOnly: true })), ["npm"]);
});

test("who is down, without it, in error or not HTTP makes room for the next, and is named", async (t) => {
  const { all, ask } = await openSources(t, { mirrors: { gone: {}, broken: {}, good: {} } });
  all["npm"]?.lie(path, lies.reset);
  all["gone"]?.remove("a");
  all["broken"]?.lie(path, lies.status(500));
  using offers = await ask();
  const offer = await offers.next();
  assert.equal(offer?.source, "good");
  assert.deepEqual(
    offers.failures.map(({ code }) => code),
    ["UPSTREAM_UNAVAILABLE", "NOT_FOUND", "UPSTREAM_UNAVAILABLE"],
  );
  // The one that answered 500 was asked once: while others are left, nobody is asked twice.
  assert.equal(all["broken"]?.count(path), 1);
  // For a moment they are asked last.
  for (const one of Object.values(all)) one.honest();
  assert.deepEqual(await whoIsAsked(await ask()), ["good", "npm", "broken"]);
});

test("a mirror with tarballs elsewhere is asked where its own packument says, within its hosts", async (t) => {
  const { all, ask } = await openSources(t, { mirrors: { odd: {} } });
  const { odd, npm } = all;
  assert.ok(odd !== undefined && npm !== undefined);
  npm.lie(path, lies.status(404));
  odd.lie(path, lies.status(404));
  odd.put("/store/a-1.tgz", "the bytes");
  odd.edit("a", (document) => {
    const manifest = document.versions["1.0.0"];
    if (manifest !== undefined) manifest.dist["tarball"] = `${odd.url}/store/a-1.tgz`;
  });
  using offers = await ask();
  const offer = await offers.next();
  assert.equal(offer?.response.url, `${odd.url}/store/a-1.tgz`);
  odd.edit("a", (document) => {
    const manifest = document.versions["1.0.0"];
    if (manifest !== undefined) manifest.dist["tarball"] = `${npm.url}/a/-/a-1.0.0.tgz`;
  });
  const before = npm.count(path);
  using abroad = await ask();
  assert.equal(await abroad.next(), undefined);
  assert.equal(npm.count(path), before + 1);
});

test("who keeps silent gets company, and the first to answer is taken", async (t) => {
  const { all, ask, clock } = await openSources(t, { mirrors: { near: {} }, owner: { timeouts: patient } });
  all["npm"]?.lie(path, lies.hang);
  using offers = await ask();
  const next = offers.next();
  await clock.untilSleepers(1);
  assert.equal(all["near"]?.count(path), 0);
  await clock.advance(5_000);
  assert.equal((await next)?.source, "near");
  // The silent one was not dropped: it is asked again when that turns out to be nothing, and last next time.
  all["npm"]?.honest();
  assert.equal((await offers.next())?.source, "npm");
  assert.deepEqual(await whoIsAsked(await ask()), ["near", "npm"]);
});

test("the fastest is asked first, and help comes when it is later than it usually is", async (t) => {
  const owner = { choose: "fastest", timeouts: patient } as const;
  const { all, ask, clock } = await openSources(t, { mirrors: { near: {} }, owner });
  // Both answer in no time on a clock that stands still; then npm takes a second, once.
  for (let times = 0; times < 8; times += 1) await whoIsAsked(await ask());
  let answer = (): void => {};
  all["npm"]?.lie(path, ({ honest }) => void (answer = honest), { times: 1 });
  using slow = await ask();
  const first = slow.next();
  await clock.untilSleepers(1);
  await clock.advance(49);
  assert.equal(all["near"]?.count(path), 8);
  await clock.advance(1);
  assert.equal((await first)?.source, "near");
  answer();
  using offers = await ask();
  assert.equal((await offers.next())?.source, "near");
});

test("a mirror that lied is put aside for every process and after a restart, longer each time", async (t) => {
  const { room, reopen, ask, clock, database } = await openSources(t, { mirrors: { near: {} } });
  const lie = { source: "near", name: a, version, reason: "the bytes are others" };
  const asked = async (): Promise<readonly string[]> => whoIsAsked(await ask());
  await database.write((transaction) => room.standing.putAside(transaction, lie));
  await database.write((transaction) => room.standing.putAside(transaction, lie));
  assert.deepEqual(await asked(), ["npm"]);
  assert.equal((await reopen().standing.aside()).get("near")?.strikes, 1);
  await clock.advance(10 * 60_000);
  assert.deepEqual(await asked(), ["npm", "near"]);
  await database.write((transaction) => room.standing.putAside(transaction, lie));
  await clock.advance(59 * 60_000);
  assert.deepEqual(await asked(), ["npm"]);
  const other = reopen();
  assert.equal(await other.standing.restore("near"), true);
  assert.equal(await other.standing.restore("near"), false);
  await clock.advance(1000);
  assert.deepEqual(await asked(), ["npm", "near"]);
  await database.write((transaction) => room.standing.putAside(transaction, { ...lie, source: "npm" }));
  assert.deepEqual(await asked(), ["npm", "near"]);
});

const patient = { connectMs: 20_000, headersMs: 20_000, bodyIdleMs: 20_000 };
