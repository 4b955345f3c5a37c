import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePackageName, parseVersion } from "@assay/core";
import * as lies from "@assay/testkit/lies";
import { a, bindOf, isError, openRoom } from "../../test/upstream-room.ts";

const b = parsePackageName("b");
const maxAgeMs = 300_000;
const mebibyte = 1024 * 1024;

test("remembers a not-found briefly", async (t) => {
  const { room, upstream, clock } = await openRoom(t);
  await assert.rejects(room.packument(a), isError("NOT_FOUND", /package a was not found/));
  await assert.rejects(room.packument(a), isError("NOT_FOUND"));
  assert.equal(upstream.count("/a"), 1);
  assert.equal(await room.stored(a), undefined);
  upstream.publish({ name: "a", version: "1.0.0" });
  await clock.advance(30_000);
  assert.equal((await room.packument(a)).versions.size, 1);
});

const failures: [string, lies.Lie, "UPSTREAM_UNAVAILABLE" | "UPSTREAM_BAD_ANSWER"][] = [
  ["answers 500", lies.status(500), "UPSTREAM_UNAVAILABLE"],
  ["answers 503", lies.status(503), "UPSTREAM_UNAVAILABLE"],
  ["answers 403", lies.status(403), "UPSTREAM_BAD_ANSWER"],
  ["answers 304 to nothing", lies.status(304), "UPSTREAM_BAD_ANSWER"],
  ["hangs", lies.hang, "UPSTREAM_UNAVAILABLE"],
  ["stalls", lies.stalled(50), "UPSTREAM_UNAVAILABLE"],
  ["truncates", lies.truncated(50), "UPSTREAM_UNAVAILABLE"],
  ["resets", lies.reset, "UPSTREAM_UNAVAILABLE"],
  ["speaks gibberish", lies.gibberish, "UPSTREAM_BAD_ANSWER"],
  ["redirects for ever", lies.redirectLoop, "UPSTREAM_BAD_ANSWER"],
  ["redirects to metadata", lies.redirect("http://169.254.169.254/latest"), "UPSTREAM_BAD_ANSWER"],
  ["sends a gzip bomb", lies.bomb("gzip", 200 * mebibyte), "UPSTREAM_BAD_ANSWER"],
  ["sends no end", lies.endless, "UPSTREAM_BAD_ANSWER"],
  ["sends HTML", lies.otherBytes("<html>"), "UPSTREAM_BAD_ANSWER"],
  ["sends another package's document", lies.otherBytes('{"name":"b","versions":{}}'), "UPSTREAM_BAD_ANSWER"],
];

for (const [title, lie, code] of failures) {
  test(`an upstream that ${title}: refused for that name, remembered for a few seconds, stale when something is stored`, async (t) => {
    const { room, upstream, clock } = await openRoom(t, { packumentBytes: 2 * mebibyte });
    upstream.publish({ name: "a", version: "1.0.0" });
    upstream.publish({ name: "b", version: "1.0.0" });
    upstream.lie("/a", lie);
    await assert.rejects(room.packument(a), isError(code));
    const asked = upstream.count("/a");
    await assert.rejects(room.packument(a), isError(code));
    assert.equal(upstream.count("/a"), asked, "not asked again at once");
    assert.equal((await room.packument(b)).stale, undefined, "other names are not affected");

    upstream.honest();
    await clock.advance(5_000);
    const good = await room.packument(a);
    assert.equal(good.stale, undefined);

    upstream.lie("/a", lie);
    await clock.advance(maxAgeMs);
    const stale = await room.packument(a);
    if (title === "answers 304 to nothing") return;
    assert.match(stale.stale ?? "", /^upstream npm: /);
    assert.ok(!/127\.0\.0\.1/.test(stale.stale ?? ""), "names no host");
    assert.equal(stale.digest, good.digest);

    upstream.honest();
    await clock.advance(5_000);
    assert.equal((await room.packument(a)).stale, undefined);
  });
}

test("a Retry-After is honoured, and told to clients", async (t) => {
  const { room, upstream, clock } = await openRoom(t);
  upstream.lie("/a", lies.status(429, { "retry-after": "20" }));
  await assert.rejects(room.packument(a), isError("UPSTREAM_UNAVAILABLE"));
  await clock.advance(19_000);
  await assert.rejects(
    room.packument(a),
    (error) =>
      isError("UPSTREAM_UNAVAILABLE")(error) &&
      (error as { details: { retryAfterSeconds: number } }).details.retryAfterSeconds === 1,
  );
  assert.equal(upstream.count("/a"), 1);
});

test("a body that breaks off once is asked for again", async (t) => {
  const { room, upstream } = await openRoom(t);
  upstream.publish({ name: "a", version: "1.0.0" });
  upstream.lie("/a", lies.truncated(50), { times: 1 });
  assert.equal((await room.packument(a)).versions.size, 1);
});

test("a package that is removed is asked for twice, then recorded as gone; it can come back", async (t) => {
  const { room, upstream, clock, releases, reopen, binds } = await openRoom(t);
  binds.set(parseVersion("1.0.0"), bindOf("1.0.0"));
  upstream.publish({ name: "a", version: "1.0.0", time: new Date(clock.now()).toISOString() });
  await room.packument(a);
  upstream.lie("/a", lies.status(404));
  await clock.advance(maxAgeMs);
  await assert.rejects(room.packument(a), isError("NOT_FOUND"));
  assert.equal(upstream.count("/a"), 3);
  const state = await releases.packageState(a);
  assert.ok(state.refused.has(parseVersion("1.0.0")));
  assert.equal(await room.stored(a), undefined);
  assert.equal(await reopen().stored(a), undefined);
  assert.equal(await room.countKnown(), 0);
  upstream.honest();
  await clock.advance(30_000);
  assert.equal((await room.packument(a)).versions.size, 1);
  assert.ok(!(await releases.packageState(a)).refused.has(parseVersion("1.0.0")), "back");
});

test("one 404 among good answers takes nothing away", async (t) => {
  const { room, upstream, clock, releases } = await openRoom(t);
  upstream.publish({ name: "a", version: "1.0.0" });
  await room.packument(a);
  upstream.lie("/a", lies.status(404), { times: 1 });
  await clock.advance(maxAgeMs);
  const packument = await room.packument(a).catch(() => room.stored(a));
  assert.equal(packument?.versions.size, 1);
  assert.equal((await releases.packageState(a)).refused.size, 0);
});

test("documents that are held at once stay within their budget", async (t) => {
  const { room, upstream } = await openRoom(t, { packumentBytes: mebibyte });
  const names = Array.from({ length: 12 }, (_, index) => parsePackageName(`p${index}`));
  for (const name of names) {
    upstream.publish({ name, version: "1.0.0" });
    upstream.edit(name, (document) => void (document["readme"] = "x".repeat(mebibyte - 10_000)));
    upstream.lie(`/${name}`, lies.stalled(mebibyte - 11_000));
  }
  const answers = await Promise.allSettled(names.map((name) => room.packument(name)));
  const reasons = answers.map((answer) => (answer.status === "rejected" ? String(answer.reason) : "served"));
  assert.ok(
    reasons.some((reason) => /too many large documents/.test(reason)),
    reasons.join("\n"),
  );
});
