/** Packuments and tarballs as clients ask for them, against a server process and an upstream that is known. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { rawRequest } from "@assay/testkit/raw-http";
import type { RawAnswer, RawRequest } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { PublishedRelease, TestUpstream } from "@assay/testkit/upstream";

const abbreviated = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";
const abbreviatedType = "application/vnd.npm.install-v1+json";

interface Listed {
  readonly name: string;
  readonly "dist-tags": Record<string, string>;
  readonly versions: Record<string, Record<string, unknown> & { dist: Record<string, unknown> }>;
  readonly time: Record<string, string>;
}

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let plain: PublishedRelease;
let scoped: PublishedRelease;

const get = (at: string, options?: RawRequest): Promise<RawAnswer> => rawRequest(server.url, at, options);
const listed = (answer: RawAnswer): Listed => answer.json() as unknown as Listed;

before(async () => {
  upstream = await createTestUpstream();
  upstream.publish({ name: "plain", version: "1.0.0" });
  plain = upstream.publish({
    name: "plain",
    version: "1.1.0",
    manifest: { libc: ["glibc"], hasInstallScript: true, scripts: { install: "node -v" } },
    files: { "index.js": "module.exports = 1;\n" },
  });
  upstream.edit("plain", (document) => {
    document["readme"] = "# plain";
    const manifest = document.versions["1.1.0"];
    if (manifest === undefined) throw new Error("1.1.0 was published");
    manifest["_npmUser"] = { name: "someone", email: "someone@registry.example.com" };
    manifest.dist["signatures"] = [{ keyid: "SHA256:abc", sig: "MEQ=" }];
  });
  scoped = upstream.publish({ name: "@acme/lib", version: "2.0.0" });
  installation = await createInstallation();
  const config = path.join(installation.home, "assay.yaml");
  writeFileSync(config, "packuments:\n  maxAgeSeconds: 0\n  notFoundSeconds: 30\n");
  server = await startServer(installation, {
    upstream: upstream.url,
    flags: [`--config=${config}`],
  });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

describe("packuments", () => {
  test("the full document lists every version with its time and everything the upstream says", async () => {
    const answer = await get("/plain", { headers: { accept: "application/json" } });
    assert.equal(answer.status, 200);
    assert.match(String(answer.headers["content-type"]), /^application\/json/);
    const document = listed(answer);
    assert.deepEqual(Object.keys(document.versions), ["1.0.0", "1.1.0"]);
    assert.deepEqual(document["dist-tags"], { latest: "1.1.0" });
    assert.equal(typeof document.time["1.0.0"], "string");
    assert.equal(typeof document.time["1.1.0"], "string");
    const manifest = document.versions["1.1.0"];
    assert.deepEqual(manifest?.["libc"], ["glibc"]);
    assert.equal(manifest?.["hasInstallScript"], true);
    assert.deepEqual(manifest?.["_npmUser"], {
      name: "someone",
      email: "someone@registry.example.com",
    });
    assert.deepEqual(manifest?.dist["signatures"], [{ keyid: "SHA256:abc", sig: "MEQ=" }]);
    assert.equal(manifest?.dist["integrity"], plain.integrity);
  });

  test("the tarball URL stands under the base that was asked, in the canonical shape", async () => {
    const document = listed(await get("/@acme%2flib"));
    assert.equal(document.versions["2.0.0"]?.dist["tarball"], `${server.url}/@acme/lib/-/lib-2.0.0.tgz`);
    const viaLocalhost = listed(await get("/plain", { headers: { host: `localhost:${installation.port}` } }));
    assert.equal(
      viaLocalhost.versions["1.1.0"]?.dist["tarball"],
      `http://localhost:${installation.port}/plain/-/plain-1.1.0.tgz`,
    );
  });

  test("the abbreviated document has its own type, complete times, and no readme or _id", async () => {
    const answer = await get("/plain", { headers: { accept: abbreviated } });
    assert.equal(answer.headers["content-type"]?.split(";")[0], abbreviatedType);
    const document = answer.json();
    for (const field of ["_id", "_rev", "readme"]) assert.ok(!(field in document), field);
    assert.ok("modified" in document);
    assert.deepEqual(Object.keys(listed(answer).versions), ["1.0.0", "1.1.0"]);
    assert.ok(listed(answer).time["1.1.0"] !== undefined);
  });

  test("each form has its own strong ETag, answers 304 to it and names what it varies on", async () => {
    const full = await get("/plain", { headers: { accept: "application/json" } });
    const short = await get("/plain", { headers: { accept: abbreviated } });
    assert.match(String(full.headers.etag), /^"[^"]+"$/);
    assert.match(String(short.headers.etag), /^"[^"]+"$/);
    assert.notEqual(full.headers.etag, short.headers.etag);
    assert.match(String(full.headers.vary), /accept\b/i);
    assert.match(String(full.headers.vary), /accept-encoding/i);
    for (const [accept, answer] of [
      ["application/json", full],
      [abbreviated, short],
    ] as const) {
      const again = await get("/plain", {
        headers: { accept, "if-none-match": String(answer.headers.etag) },
      });
      assert.equal(again.status, 304);
      assert.equal(again.body.byteLength, 0);
      assert.equal(again.headers.etag, answer.headers.etag);
    }
    const since = await get("/plain", {
      headers: {
        accept: "application/json",
        "if-modified-since": String(full.headers["last-modified"]),
      },
    });
    assert.equal(since.status, 304);
  });

  test("who holds a document in another encoding than it asks for now is sent none", async () => {
    const [gzip, zstd, identity] = await Promise.all(
      ["gzip", "zstd", "identity"].map((encoding) => get("/plain", { headers: { "accept-encoding": encoding } })),
    );
    const tags = [gzip, zstd, identity].map((answer) => String(answer?.headers.etag));
    assert.equal(new Set(tags).size, 3);
    for (const held of tags)
      for (const encoding of ["gzip", "zstd", "identity"]) {
        const headers = { "accept-encoding": encoding, "if-none-match": `"x", ${held}` };
        const again = await get("/plain", { headers });
        assert.equal(again.status, 304);
        assert.equal(again.headers.etag, held, "the one that the client has");
        const other = await get("/plain", { headers: { ...headers, accept: abbreviated } });
        assert.equal(other.status, 200, "another form is other content");
      }
  });

  test("the ETag moves when the upstream publishes", async () => {
    upstream.publish({ name: "moving", version: "1.0.0" });
    const first = await get("/moving");
    upstream.publish({ name: "moving", version: "1.0.1" });
    const second = await get("/moving", {
      headers: { "if-none-match": String(first.headers.etag) },
    });
    assert.equal(second.status, 200);
    assert.ok(listed(second).versions["1.0.1"] !== undefined);
  });

  test("HEAD answers what GET answers, without the body", async () => {
    const headers = { accept: "application/json", "accept-encoding": "gzip" };
    const full = await get("/plain", { headers });
    const head = await get("/plain", { headers, method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.body.byteLength, 0);
    for (const name of ["etag", "content-type", "content-length", "content-encoding", "last-modified"]) {
      assert.equal(head.headers[name], full.headers[name], name);
    }
  });

  test("speaks gzip, zstd and identity, strictly as accepted, and says the same in each", async () => {
    const identity = await get("/plain", { headers: { "accept-encoding": "identity" } });
    assert.equal(identity.headers["content-encoding"], undefined);
    for (const encoding of ["gzip", "zstd"]) {
      const answer = await get("/plain", { headers: { "accept-encoding": encoding } });
      assert.equal(answer.headers["content-encoding"], encoding);
      assert.equal(answer.text(), identity.text());
    }
    const brotliOnly = await get("/plain", { headers: { "accept-encoding": "br" } });
    assert.ok(["br", undefined].includes(brotliOnly.headers["content-encoding"]));
    assert.equal(brotliOnly.text(), identity.text());
    const refused = await get("/plain", { headers: { "accept-encoding": "gzip;q=0, zstd;q=0" } });
    assert.equal(refused.headers["content-encoding"], undefined);
  });

  test("every encoding of a scoped name is the same package", async () => {
    const answers = await Promise.all(
      ["/@acme/lib", "/@acme%2flib", "/@acme%2Flib", "/%40acme%2flib"].map((at) => get(at)),
    );
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [200, 200, 200, 200],
    );
    assert.equal(new Set(answers.map((answer) => answer.headers.etag)).size, 1);
  });

  test("a single version and a tag answer one manifest, an unknown one 404", async () => {
    const version = (await get("/plain/1.0.0")).json();
    assert.equal(version["version"], "1.0.0");
    const tag = (await get("/plain/latest")).json();
    assert.equal(tag["version"], "1.1.0");
    assert.equal((await get("/@acme%2flib/2.0.0")).json()["name"], "@acme/lib");
    const missing = await get("/plain/9.9.9");
    assert.equal(missing.status, 404);
    assert.equal(typeof missing.json()["error"], "string");
  });

  test("a name that the upstream does not have is 404 and asked for once", async () => {
    const first = await get("/no-such-package");
    assert.equal(first.status, 404);
    assert.equal(typeof first.json()["error"], "string");
    await get("/no-such-package", { headers: { accept: abbreviated } });
    assert.equal(upstream.count("/no-such-package"), 1);
  });

  test("a version that the upstream removed disappears, and its tags with it", async () => {
    upstream.publish({ name: "shrinking", version: "1.0.0" });
    upstream.publish({ name: "shrinking", version: "1.1.0" });
    assert.equal(listed(await get("/shrinking"))["dist-tags"]["latest"], "1.1.0");
    upstream.remove("shrinking", "1.1.0");
    const document = listed(await get("/shrinking"));
    assert.deepEqual(Object.keys(document.versions), ["1.0.0"]);
    for (const version of Object.values(document["dist-tags"])) {
      assert.ok(document.versions[version] !== undefined, `a tag dangles at ${version}`);
    }
  });

  test("an upstream that fails is covered by what is stored", async () => {
    upstream.publish({ name: "steady", version: "1.0.0" });
    const fresh = await get("/steady");
    upstream.lie("/steady", ({ request }) => void request.socket.destroy());
    const stale = await get("/steady");
    upstream.honest("/steady");
    assert.equal(stale.status, 200);
    assert.equal(stale.text(), fresh.text());
    const said = Object.keys(stale.headers).filter((name) => !(name in fresh.headers));
    assert.notDeepEqual(said, [], "a stale answer says so in a header");
  });
});

describe("tarballs", () => {
  const at = "/plain/-/plain-1.1.0.tgz";

  test("are the upstream's bytes, with their length and no encoding, whatever is accepted", async () => {
    for (const accept of ["*/*", abbreviated, "text/html"]) {
      const answer = await get(at, { headers: { accept, "accept-encoding": "gzip, zstd, br" } });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["content-encoding"], undefined);
      assert.equal(answer.headers["content-length"], String(plain.tarball.byteLength));
      assert.deepEqual(answer.body, Buffer.from(plain.tarball));
    }
    assert.equal(upstream.count(plain.path), 1);
  });

  test("are found under every encoding of a scoped name", async () => {
    for (const name of ["@acme/lib", "@acme%2flib", "@acme%2Flib"]) {
      const answer = await get(`/${name}/-/lib-2.0.0.tgz`);
      assert.equal(answer.status, 200, name);
      assert.deepEqual(answer.body, Buffer.from(scoped.tarball));
    }
  });

  test("HEAD gives length and ETag; the ETag gives 304", async () => {
    const head = await get(at, { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.equal(head.headers["content-length"], String(plain.tarball.byteLength));
    assert.match(String(head.headers.etag), /^"[^"]+"$/);
    const again = await get(at, { headers: { "if-none-match": String(head.headers.etag) } });
    assert.equal(again.status, 304);
  });

  test("a range is answered in part, one beyond the end refused", async () => {
    const part = await get(at, { headers: { range: "bytes=10-19" } });
    assert.equal(part.status, 206);
    assert.equal(part.headers["content-range"], `bytes 10-19/${plain.tarball.byteLength}`);
    assert.deepEqual(part.body, Buffer.from(plain.tarball.subarray(10, 20)));
    const tail = await get(at, { headers: { range: "bytes=-5" } });
    assert.deepEqual(tail.body, Buffer.from(plain.tarball.subarray(-5)));
    const beyond = await get(at, { headers: { range: "bytes=99999999-" } });
    assert.equal(beyond.status, 416);
  });

  test("HEAD of a tarball never seen passes the same gate", async () => {
    const release = upstream.publish({ name: "headed", version: "1.0.0" });
    upstream.lie(release.path, ({ response, honestBody }) => {
      const body = Buffer.from(honestBody() ?? []);
      body[20] = (body[20] ?? 0) ^ 1;
      response.writeHead(200, { "content-length": body.byteLength }).end(body);
    });
    const head = await get(release.path, { method: "HEAD" });
    assert.equal(head.status, 502);
    const range = await get(release.path, { headers: { range: "bytes=0-9" } });
    assert.equal(range.status, 502);
  });

  test("an unlisted version is 404 and not looked for upstream", async () => {
    const answer = await get("/plain/-/plain-7.7.7.tgz");
    assert.equal(answer.status, 404);
    assert.equal(upstream.count("/plain/-/plain-7.7.7.tgz"), 0);
  });

  test("a file name that is not the package's own is refused", async () => {
    const answer = await get("/plain/-/other-1.1.0.tgz");
    assert.ok([400, 404].includes(answer.status), String(answer.status));
  });
});
