import assert from "node:assert/strict";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { parsePackageName, parseVersion } from "@assay/core";
import * as lies from "@assay/testkit/lies";
import { a, bindOf, isError, openRoom } from "../../test/upstream-room.ts";
import { blobKey } from "../platform/blobs/key.ts";
import { assembleDocument } from "./assemble.ts";
import { readPart } from "./parts.ts";

const maxAgeMs = 300_000;

test("lists what the upstream lists, once for everybody who asks", async (t) => {
  const { room, upstream } = await openRoom(t);
  const published = upstream.publish({ name: "a", version: "1.0.0", time: "2020-01-01T00:00:00.000Z" });
  upstream.publish({ name: "a", version: "1.0.0beta", tag: "dangling" });
  upstream.tag("a", "dangling", "7.7.7");
  const answers = await Promise.all(Array.from({ length: 50 }, () => room.packument(a)));
  assert.equal(upstream.count("/a"), 1);
  const packument = answers[0];
  assert.ok(packument !== undefined && answers.every((one) => one === packument));
  assert.equal(packument.source, "npm");
  assert.equal(packument.stale, undefined);
  assert.deepEqual({ ...packument.tags }, { latest: "1.0.0" });
  const listed = packument.versions.get(parseVersion("1.0.0"));
  assert.equal(listed?.integrity, published.integrity);
  assert.equal(listed?.shasum, published.shasum);
  assert.equal(listed?.publishedMs, Date.UTC(2020, 0));
  assert.match(listed?.manifest ?? "", /^sha256-/);
  assert.equal(listed?.tarball, `${upstream.url}${published.path}`);
  assert.equal(packument.versions.size, 2);
});

test("asks a scoped name with its slash encoded", async (t) => {
  const { room, upstream } = await openRoom(t);
  upstream.publish({ name: "@s/a", version: "1.0.0" });
  assert.equal((await room.packument(parsePackageName("@s/a"))).versions.size, 1);
});

test("revalidates after its age with the upstream's ETag, and writes nothing for a 304", async (t) => {
  const { room, upstream, clock, database } = await openRoom(t);
  upstream.publish({ name: "a", version: "1.0.0" });
  const first = await room.packument(a);
  await clock.advance(maxAgeMs - 1);
  assert.equal(await room.packument(a), first);
  assert.equal(upstream.count("/a"), 1);
  await clock.advance(1);
  let writes = 0;
  const write = database.write.bind(database);
  database.write = (work) => {
    writes += 1;
    return write(work);
  };
  const second = await room.packument(a);
  assert.equal(upstream.count("/a"), 2);
  assert.ok(upstream.requests[1]?.headers["if-none-match"]);
  assert.equal(second.digest, first.digest);
  assert.equal(second.checkedAtMs, clock.now());
  assert.equal(writes, 0);
  await room.packument(a);
  assert.equal(upstream.count("/a"), 2);
});

test("an upstream without validators is asked again, and equal bytes change nothing", async (t) => {
  const { room, upstream, clock } = await openRoom(t, { noValidators: true });
  upstream.publish({ name: "a", version: "1.0.0" });
  const first = await room.packument(a);
  await clock.advance(maxAgeMs);
  const second = await room.packument(a);
  assert.equal(second.digest, first.digest);
  assert.equal(second.checkedAtMs, clock.now());
  assert.equal(upstream.requests[1]?.headers["if-none-match"], undefined);
});

test("a change upstream is seen, remembered and told to releases", async (t) => {
  const { room, upstream, clock, releases, binds } = await openRoom(t);
  binds.set(parseVersion("2.0.0"), bindOf("2.0.0"));
  upstream.publish({ name: "a", version: "1.0.0" });
  upstream.publish({ name: "a", version: "2.0.0", time: new Date(clock.now()).toISOString() });
  const first = await room.packument(a);
  const state = await releases.packageState(a);
  assert.deepEqual([...state.firstSeenMs.keys()], ["1.0.0", "2.0.0"]);
  upstream.remove("a", "2.0.0");
  await clock.advance(maxAgeMs);
  const second = await room.packument(a);
  assert.notEqual(second.digest, first.digest);
  assert.deepEqual([...second.versions.keys()], ["1.0.0"]);
  assert.deepEqual({ ...second.tags }, {}, "the tag that pointed at it is gone too");
  const later = await releases.packageState(a);
  assert.ok(later.generation > state.generation);
  assert.ok(later.refused.has(parseVersion("2.0.0")), "removed early: refused");
});

test("a listing survives a restart and the loss of its parts file; parts are rebuilt from the raw document", async (t) => {
  const { room, reopen, upstream, dataFolder, blobs } = await openRoom(t);
  upstream.publish({ name: "a", version: "1.0.0" });
  const first = await room.packument(a);
  assert.deepEqual(await reopen().packument(a), first);
  assert.equal(upstream.count("/a"), 1);
  await rm(join(dataFolder, "cache"), { recursive: true });
  const rebuilt = await reopen().packument(a);
  assert.deepEqual(rebuilt, first);
  await writeFile(rebuilt.partsPath, "damaged");
  assert.deepEqual(await reopen().stored(a), first);
  assert.equal(upstream.count("/a"), 1);
  await blobs.remove(blobKey("raw", "sha256", first.digest));
  await rm(first.partsPath);
  const fetched = await reopen().packument(a);
  assert.deepEqual([...fetched.versions], [...first.versions]);
  assert.equal(upstream.requests[1]?.headers["if-none-match"], undefined, "nothing to validate: asked for whole");
});

test("serves one version and whole documents from the parts", async (t) => {
  const { room, upstream } = await openRoom(t);
  upstream.publish({ name: "a", version: "1.0.0", manifest: { dependencies: { b: "1" }, _npmUser: { name: "n" } } });
  const packument = await room.packument(a);
  const listed = packument.versions.get(parseVersion("1.0.0"));
  assert.ok(listed !== undefined);
  const url = "http://here.example/a/-/a-1.0.0.tgz";
  const part = JSON.parse(
    await readPart(packument, listed, "full", { base: "http://here.example", tarballUrl: url }),
  ) as unknown;
  const source = upstream.document("a").versions["1.0.0"];
  assert.deepEqual(part, { ...source, dist: { ...source?.dist, tarball: url } });
  const whole = JSON.parse(
    assembleDocument({
      partsPath: packument.partsPath,
      form: "full",
      base: "http://here.example",
      versions: "all",
      tags: packument.tags,
      overlays: {},
      times: {},
    }).toString(),
  ) as { versions: object };
  assert.deepEqual(whole.versions, { "1.0.0": part });
});

for (const options of [{ ignoreAccept: true }, { onlyAbbreviated: true }]) {
  test(`works with an upstream that ${"ignoreAccept" in options ? "ignores Accept" : "only has abbreviated documents"}`, async (t) => {
    const { room, upstream } = await openRoom(t, options);
    upstream.publish({ name: "a", version: "1.0.0", time: "2020-01-01T00:00:00.000Z" });
    const packument = await room.packument(a);
    assert.equal(packument.versions.size, 1);
    assert.equal(packument.modifiedMs, Date.UTC(2020, 0));
  });
}

test("a large document is derived in a worker and says the same", async (t) => {
  const { room, upstream } = await openRoom(t);
  upstream.publish({ name: "a", version: "1.0.0" });
  upstream.edit("a", (document) => {
    const template = JSON.stringify(document.versions["1.0.0"]);
    for (let minor = 1; minor <= 5000; minor += 1) {
      const version = `1.${minor}.0`;
      document.versions[version] = JSON.parse(template.replaceAll("1.0.0", version)) as never;
      document.time[version] = document.time["1.0.0"] ?? "";
    }
    document["readme"] = "x".repeat(16 * 1024 * 1024);
  });
  const packument = await room.packument(a);
  assert.equal(packument.versions.size, 5001);
  const full = assembleDocument({
    partsPath: packument.partsPath,
    form: "full",
    base: "http://h",
    versions: "all",
    tags: packument.tags,
    overlays: {},
    times: {},
  });
  const document = JSON.parse(full.toString()) as {
    readme: string;
    versions: Record<string, { dist: { tarball: string } }>;
  };
  assert.equal(document.readme.length, 16 * 1024 * 1024);
  assert.equal(document.versions["1.5000.0"]?.dist.tarball, "http://h/a/-/a-1.5000.0.tgz");
});

test("keeps the last raw document only, and the parts of the last two", async (t) => {
  const { room, upstream, clock, blobs } = await openRoom(t);
  const digests: string[] = [];
  let partsPath = "";
  for (const version of ["1.0.0", "2.0.0", "3.0.0"]) {
    upstream.publish({ name: "a", version });
    const packument = await room.packument(a);
    digests.push(packument.digest);
    partsPath = packument.partsPath;
    await clock.advance(maxAgeMs);
  }
  assert.equal((await Array.fromAsync(blobs.list("raw"))).length, 3, "still there for whoever reads them");
  assert.equal((await readdir(join(partsPath, ".."))).length, 2);
  const [handler] = Object.values(room.jobHandlers);
  assert.ok(handler !== undefined);
  const { signal } = new AbortController();
  for (const digest of digests) await handler.run({ name: a, digest }, signal);
  assert.deepEqual(
    (await Array.fromAsync(blobs.list("raw"))).map(({ key }) => key),
    [blobKey("raw", "sha256", digests[2] ?? "")],
    "the current one is never removed",
  );
  const removal = handler.run({ name: a, digest: digests[0] }, signal);
  assert.equal((await room.packument(a)).versions.size, 3, "whoever asks during a removal gets the packument");
  await removal;
  const asked = room.packument(a);
  await clock.advance(maxAgeMs);
  await asked;
  const fetching = room.packument(a);
  await assert.rejects(handler.run({ name: a, digest: digests[0] }, signal), /is being fetched/);
  await fetching;
});

test("relays small documents of the owner", async (t) => {
  const { room, upstream } = await openRoom(t);
  upstream.put("/-/npm/v1/keys", '{"keys":[]}', { "content-type": "application/json" });
  const response = await room.relay("npm", { method: "GET", path: "/-/npm/v1/keys", maxBytes: 1024 });
  assert.equal(await text(response.body), '{"keys":[]}');
  await assert.rejects(
    room.relay("npm", { method: "GET", path: "/../x", maxBytes: 1 }).then(({ status }) => assert.equal(status, 200)),
  );
  assert.equal(room.ownerOf(a), "npm");
});

test("knows the names with a stored listing, and keeps what searches find of them in step", async (t) => {
  const { room, upstream, search, clock } = await openRoom(t);
  for (const name of ["vite", "vitest", "Vite", "@vite/x"]) {
    upstream.publish({ name, version: "1.0.0", manifest: { description: `the first ${name}` } });
    await room.packument(parsePackageName(name));
  }
  assert.deepEqual(await room.known("", 2), ["@vite/x", "Vite"]);
  assert.deepEqual(await room.known("Vite", 9), ["vite", "vitest"]);
  assert.equal(await room.countKnown(), 4);
  assert.equal(await search("first"), 4);
  upstream.publish({ name: "vitest", version: "1.1.0", manifest: { description: "another" } });
  await clock.advance(maxAgeMs);
  await room.packument(parsePackageName("vitest"));
  assert.equal(await search("first"), 3);
  assert.equal(await search("another"), 1);
  upstream.remove("vitest");
  await clock.advance(maxAgeMs);
  await assert.rejects(room.packument(parsePackageName("vitest")), { code: "NOT_FOUND" });
  assert.equal(await search("another"), 0);
  assert.equal(await room.countKnown(), 3);
});

test("asks again for what the memory of other lies holds nothing of", async (t) => {
  const { room, upstream } = await openRoom(t);
  upstream.publish({ name: "b", version: "1.0.0" });
  upstream.lie("/a", lies.status(500));
  await assert.rejects(room.packument(a), isError("UPSTREAM_UNAVAILABLE"));
  assert.equal((await room.packument(parsePackageName("b"))).versions.size, 1);
});
