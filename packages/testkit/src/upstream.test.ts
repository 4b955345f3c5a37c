import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { hostileArchives } from "./hostile-archives.ts";
import * as lies from "./lies.ts";
import { packageTgz, paxEntry, tar } from "./tarball.ts";
import { createTestUpstream } from "./upstream.ts";

test("publishes real archives with the digests that it lists", async () => {
  await using upstream = await createTestUpstream();
  const published = upstream.publish({
    name: "@s/a",
    version: "1.0.0",
    manifest: { dependencies: { b: "1" } },
    files: { "lib/index.js": "1" },
  });
  const document = (await (await fetch(`${upstream.url}/@s%2fa`)).json()) as {
    versions: Record<string, { dist: { tarball: string; integrity: string } }>;
  };
  const dist = document.versions["1.0.0"]?.dist;
  const bytes = Buffer.from(await (await fetch(dist?.tarball ?? "")).arrayBuffer());
  assert.equal(dist?.integrity, `sha512-${createHash("sha512").update(bytes).digest("base64")}`);
  assert.equal(published.integrity, dist?.integrity);
  const names = execFileSync("tar", ["-tz"], { input: bytes }).toString();
  assert.equal(names, "package/package.json\npackage/lib/index.js\n");
  const manifest = JSON.parse(
    execFileSync("tar", ["-xzO", "package/package.json"], { input: bytes }).toString(),
  ) as unknown;
  assert.deepEqual(manifest, { name: "@s/a", version: "1.0.0", dependencies: { b: "1" } });
});

test("answers 304, abbreviates when asked, and counts", async () => {
  await using upstream = await createTestUpstream();
  upstream.publish({ name: "a", version: "1.0.0", manifest: { description: "d" } });
  const full = await fetch(`${upstream.url}/a`);
  const etag = full.headers.get("etag") ?? "";
  assert.equal((await fetch(`${upstream.url}/a`, { headers: { "if-none-match": etag } })).status, 304);
  const abbreviated = await fetch(`${upstream.url}/a`, { headers: { accept: "application/vnd.npm.install-v1+json" } });
  assert.notEqual(abbreviated.headers.get("etag"), etag);
  assert.ok(!(await abbreviated.text()).includes("description"));
  assert.equal(upstream.count("/a"), 3);
});

test("lies as often as it is told to, and is honest again", async () => {
  await using upstream = await createTestUpstream();
  const { path, tarball } = upstream.publish({ name: "a", version: "1.0.0" });
  upstream.lie(path, lies.flippedByte(20), { times: 1 });
  const lied = Buffer.from(await (await fetch(`${upstream.url}${path}`)).arrayBuffer());
  assert.notDeepEqual(lied, Buffer.from(tarball));
  assert.deepEqual(Buffer.from(await (await fetch(`${upstream.url}${path}`)).arrayBuffer()), Buffer.from(tarball));
  upstream.lie(
    "/a",
    lies.changedDocument((document) => void (document["name"] = "b")),
  );
  assert.equal(((await (await fetch(`${upstream.url}/a`)).json()) as { name: string }).name, "b");
  upstream.remove("a", "1.0.0");
  upstream.honest();
  assert.equal((await fetch(`${upstream.url}${path}`)).status, 404);
});

test("pax records count their own length", () => {
  for (const length of [1, 80, 90, 95, 980, 990]) {
    const { content } = paxEntry({ path: "x".repeat(length) });
    assert.equal(Number(/^\d+/.exec(String(content))?.[0]), Buffer.byteLength(content ?? ""));
  }
});

test("hostile archives are what they are named for, in otherwise good form", () => {
  const archives = hostileArchives({ name: "a", version: "1.0.0" });
  const entries = (bytes: Uint8Array): number => {
    const unpacked = gunzipSync(bytes);
    assert.equal(unpacked.byteLength % 512, 0);
    return unpacked.byteLength / 512;
  };
  const plain = entries(packageTgz({ name: "a", version: "1.0.0" }, { "index.js": "module.exports = 1;\n" }));
  assert.equal(plain, tar([]).byteLength / 512 + 4);
  for (const name of [
    "symbolic link",
    "duplicate file",
    "two root folders",
    "pax path over another name",
    "entries after the end",
    "second gzip member",
  ]) {
    assert.ok(entries(archives[name] ?? new Uint8Array()) > plain, name);
  }
});
