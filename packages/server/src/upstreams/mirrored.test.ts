import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseVersion } from "@assay/core";
import * as lies from "@assay/testkit/lies";
import { a, bindOf, isError, openRoom, type RoomOptions } from "../../test/upstream-room.ts";
import { assembleDocument } from "./assemble.ts";
import type { Packument } from "./upstreams.ts";

/** A room whose registry and mirrors have a@1.0.0 and a@1.1.0, of which the first is bound. */
async function openMirrored(t: TestContext, options: RoomOptions = { mirrors: { near: {} } }) {
  const opened = await openRoom(t, options);
  for (const one of [opened.upstream, ...Object.values(opened.mirrors)]) {
    one.publish({ name: "a", version: "1.0.0", time: "2020-01-01T00:00:00.000Z" });
    one.publish({ name: "a", version: "1.1.0", time: "2020-02-01T00:00:00.000Z", tag: "next" });
  }
  opened.binds.set(parseVersion("1.0.0"), bindOf("1.0.0"));
  return opened;
}

const shown = (packument: Packument): readonly string[] => [...packument.versions.keys()];

test("an owner that is silent from the first: its mirrors' bound versions show, marked stale", async (t) => {
  const { room, upstream, mirrors, database } = await openMirrored(t);
  upstream.lie("/a", lies.status(500));
  const packument = await room.packument(a);
  assert.deepEqual(shown(packument), ["1.0.0"]);
  assert.deepEqual({ ...packument.tags }, { latest: "1.0.0" });
  assert.match(packument.stale ?? "", /npm.*status 500.*mirrors/);
  assert.equal(packument.source, "npm");
  // Nothing of it is the owner's word: no row, no sighting, and mirrors are asked once while the failure stands.
  const sighted = await database.read
    .withTables<{ releases: { name: string } }>()
    .selectFrom("releases")
    .select("name")
    .execute();
  assert.deepEqual(sighted, []);
  assert.equal((await room.packument(a)).digest, packument.digest);
  assert.equal(mirrors["near"]?.count("/a"), 1);
});

test("the owner's word is back as soon as it speaks", async (t) => {
  const { room, upstream, clock } = await openMirrored(t);
  upstream.lie("/a", lies.status(500));
  await room.packument(a);
  upstream.honest();
  await clock.advance(5_001);
  const packument = await room.packument(a);
  assert.deepEqual(
    [shown(packument), packument.stale, packument.isPartial],
    [["1.0.0", "1.1.0"], undefined, undefined],
  );
});

test("not found at the owner is final, also when it is silent later", async (t) => {
  const { room, upstream, mirrors, clock } = await openMirrored(t);
  upstream.lie("/a", lies.status(404));
  await assert.rejects(room.packument(a), isError("NOT_FOUND"));
  assert.equal(mirrors["near"]?.count("/a"), 0);
  // It had the package, and took it away.
  upstream.honest();
  await clock.advance(31_000);
  await room.packument(a);
  await clock.advance(301_000);
  upstream.lie("/a", lies.status(404));
  await assert.rejects(room.packument(a), isError("NOT_FOUND"));
  await clock.advance(31_000);
  upstream.lie("/a", lies.status(500));
  await assert.rejects(room.packument(a), isError("UPSTREAM_UNAVAILABLE"));
  assert.equal(mirrors["near"]?.count("/a"), 0);
});

test("what the owner said last is served rather than what mirrors say", async (t) => {
  const { room, upstream, mirrors, clock } = await openMirrored(t);
  await room.packument(a);
  await clock.advance(301_000);
  upstream.lie("/a", lies.status(500));
  assert.deepEqual(shown(await room.packument(a)), ["1.0.0", "1.1.0"]);
  assert.equal(mirrors["near"]?.count("/a"), 0);
});

test("without mirrors, or with mirrors that know nothing bound, the owner is said to be unavailable", async (t) => {
  const { room, upstream, binds, clock } = await openMirrored(t);
  binds.clear();
  upstream.lie("/a", lies.status(500));
  await assert.rejects(room.packument(a), isError("UPSTREAM_UNAVAILABLE"));
  await clock.advance(5_001);
  upstream.lie("/a", lies.otherBytes("<html>"));
  await assert.rejects(room.packument(a), isError("UPSTREAM_BAD_ANSWER"));
});

test("two independent mirrors make an unbound version show; a liar, a dead one and a bomb do not hinder", async (t) => {
  const mirrors = { liar: {}, dead: {}, bomb: {}, near: {}, far: {} };
  const { room, upstream, mirrors: all } = await openMirrored(t, { mirrors });
  upstream.lie("/a", lies.status(500));
  all["liar"]?.edit("a", (document) => {
    document["dist-tags"]["latest"] = "9.9.9";
    document.versions["9.9.9"] = { name: "a", version: "9.9.9", dist: { integrity: "sha512-x", tarball: "http://x/" } };
  });
  all["dead"]?.lie("/a", lies.reset);
  all["bomb"]?.lie("/a", lies.bomb("gzip", 512 * 1024 * 1024));
  const packument = await room.packument(a);
  assert.deepEqual(shown(packument), ["1.0.0", "1.1.0"]);
  assert.deepEqual({ ...packument.tags }, { latest: "1.0.0" });
});

test("tags stay where the owner had them when all else is lost", async (t) => {
  const { room, reopen, upstream, mirrors, binds, dataFolder, clock } = await openMirrored(t);
  upstream.publish({ name: "a", version: "2.0.0" });
  mirrors["near"]?.publish({ name: "a", version: "2.0.0" });
  for (const version of ["1.1.0", "2.0.0"]) binds.set(parseVersion(version), bindOf(version));
  await room.packument(a);
  await rm(join(dataFolder, "cache"), { recursive: true });
  await rm(join(dataFolder, "blobs", "raw"), { recursive: true });
  upstream.lie("/a", lies.status(500));
  mirrors["near"]?.tag("a", "latest", "1.0.0");
  await clock.advance(301_000);
  const packument = await reopen().packument(a);
  assert.deepEqual(shown(packument), ["1.0.0", "1.1.0", "2.0.0"]);
  assert.deepEqual({ ...packument.tags }, { latest: "2.0.0", next: "1.1.0" });
});

test("lost parts are made again", async (t) => {
  const { room, upstream, dataFolder } = await openMirrored(t);
  upstream.lie("/a", lies.status(500));
  const packument = await room.packument(a);
  await rm(join(dataFolder, "cache"), { recursive: true });
  const again = await room.reload(packument);
  assert.equal(again.digest, packument.digest);
  const document = assembleDocument({
    partsPath: again.partsPath,
    form: "full",
    base: "http://here",
    versions: "all",
    tags: again.tags,
    overlays: {},
    times: {},
  });
  assert.match(document.toString(), /"1\.0\.0"/);
});
