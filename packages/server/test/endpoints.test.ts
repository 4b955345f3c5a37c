/** Everything that is neither packument nor tarball: refusals, search, relays, the log, pages, operations. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { hostileArchives } from "@assay/testkit/hostile-archives";
import { rawRequest } from "@assay/testkit/raw-http";
import type { RawAnswer, RawRequest } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

const get = (at: string, options?: RawRequest): Promise<RawAnswer> => rawRequest(server.url, at, options);

before(async () => {
  upstream = await createTestUpstream();
  for (const name of ["alpha", "alpha-one", "alpha-two", "beta"]) {
    upstream.publish({ name, version: "1.0.0", manifest: { description: `about ${name}` } });
  }
  installation = await createInstallation();
  server = await startServer(installation, { upstream: upstream.url });
  for (const name of ["alpha", "alpha-one", "alpha-two", "beta"]) await get(`/${name}`);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

describe("paths and hosts", () => {
  for (const at of [
    "/alpha%00",
    "/%2e%2e/alpha",
    "/../alpha",
    "/./alpha",
    "//alpha",
    "/alpha//1.0.0",
    "/alpha%5cb",
    "/alpha%252f1.0.0",
    "/al%zzpha",
    "/%ff",
  ]) {
    test(`refuses ${at} with 400`, async () => {
      const before = upstream.requests.length;
      const answer = await get(at);
      assert.equal(answer.status, 400);
      assert.equal(typeof answer.json()["error"], "string");
      assert.equal(upstream.requests.length, before);
    });
  }

  test("a host that is not configured is 421, whatever X-Forwarded-Host says", async () => {
    const wrong = await get("/alpha", { headers: { host: "evil.example.com" } });
    assert.equal(wrong.status, 421);
    const forwarded = await get("/alpha", { headers: { "x-forwarded-host": "evil.example.com" } });
    assert.equal(forwarded.status, 200);
    assert.ok(!forwarded.text().includes("evil.example.com"));
  });
});

describe("refusals", () => {
  test("say one sentence in the reason phrase, error, message and npm-notice", async () => {
    const manifest = { name: "hostile", version: "1.0.0" };
    const tarball = hostileArchives(manifest)["symbolic link"];
    assert.ok(tarball !== undefined);
    const release = upstream.publish({ ...manifest, tarball });
    const answer = await get(release.path);
    assert.equal(answer.status, 403);
    const body = answer.json();
    assert.equal(body["error"], body["message"]);
    assert.equal(answer.headers["npm-notice"], body["error"]);
    assert.equal(answer.reason, body["error"]);
    assert.match(answer.reason, /hostile@1\.0\.0/);
    assert.match(answer.reason, /https?:\/\//);
    assert.equal(typeof body["code"], "string");
    assert.equal(typeof body["rule"], "string");
  });

  test("writes of strangers are refused with a plain sentence, and no upstream hears of them", async () => {
    const json = { "content-type": "application/json" };
    for (const [method, at] of [
      ["PUT", "/alpha"],
      ["PUT", "/@acme%2flib"],
      ["PUT", "/-/package/alpha/dist-tags/next"],
      ["DELETE", "/alpha/-rev/1-0"],
    ] as const) {
      const answer = await get(at, { method, headers: json, body: "{}" });
      assert.ok([401, 403, 405].includes(answer.status), `${method} ${at}: ${answer.status}`);
      assert.match(String(answer.json()["error"]), /\.$/);
    }
    assert.deepEqual(
      upstream.requests.filter((request) => request.method !== "GET"),
      [],
    );
  });
});

describe("small endpoints", () => {
  test("ping answers an empty object", async () => {
    const answer = await get("/-/ping");
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json(), {});
  });

  test("search finds what is known by exact name and prefix, and pages", async () => {
    const all = await get("/-/v1/search?text=alpha&size=20&from=0");
    const found = all.json() as {
      total: number;
      objects: { package: { name: string; version: string; maintainers: unknown[] } }[];
    };
    assert.equal(found.total, 3);
    assert.equal(found.objects[0]?.package.name, "alpha");
    assert.deepEqual(found.objects.map((object) => object.package.name).toSorted(), [
      "alpha",
      "alpha-one",
      "alpha-two",
    ]);
    assert.ok(Array.isArray(found.objects[0]?.package.maintainers));
    const page = (await get("/-/v1/search?text=alpha&size=1&from=1")).json() as typeof found;
    assert.equal(page.total, 3);
    assert.equal(page.objects.length, 1);
  });

  test("dist-tags are a map", async () => {
    assert.deepEqual((await get("/-/package/alpha/dist-tags")).json(), { latest: "1.0.0" });
    assert.equal((await get("/-/package/nothing-here/dist-tags")).status, 404);
  });

  test("a tag or version named like a member of every object is one only where it is listed", async () => {
    for (const name of ["constructor", "toString", "__proto__"]) {
      assert.equal((await get(`/-/package/alpha/dist-tags/${name}`)).status, 404, name);
      const answer = await get(`/alpha/${name}`);
      assert.equal(answer.status, 404, name);
      assert.equal(answer.json()["what"], `alpha@${name}`);
    }
    upstream.publish({ name: "members", version: "toString", tag: "constructor" });
    assert.equal((await get("/members/toString")).json()["version"], "toString");
    assert.equal((await get("/members/constructor")).json()["version"], "toString");
    assert.deepEqual((await get("/-/package/members/dist-tags/constructor")).json(), "toString");
  });

  test("advisories are relayed, gzip bodies too, and {} with a header when the upstream has none", async () => {
    const at = "/-/npm/v1/security/advisories/bulk";
    const body = gzipSync(JSON.stringify({ alpha: ["1.0.0"] }));
    const headers = { "content-type": "application/json", "content-encoding": "gzip" };
    const none = await get(at, { method: "POST", headers, body });
    assert.equal(none.status, 200);
    assert.deepEqual(none.json(), {});
    assert.notEqual(none.headers["assay-advisories"], undefined);
    upstream.put(at, JSON.stringify({ alpha: [{ id: 1, severity: "high" }] }), {
      "content-type": "application/json",
    });
    const some = await get(at, { method: "POST", headers, body });
    assert.ok("alpha" in some.json());
  });
});

describe("the log", () => {
  test("a lookup binds and answers index, record and a checkpoint that covers it", async () => {
    const answer = await get("/-/log/lookup/alpha@1.0.0");
    assert.equal(answer.status, 200);
    const [first, ...rest] = answer.text().split("\n");
    assert.match(String(first), /^\d+$/);
    assert.equal(rest[0], "assay/v1 bind");
    assert.ok(rest.includes("name alpha"));
    assert.equal(upstream.count("/alpha/-/alpha-1.0.0.tgz"), 1);
  });

  test("an unknown version is 404 and not cached", async () => {
    const answer = await get("/-/log/lookup/alpha@9.9.9");
    assert.equal(answer.status, 404);
    assert.match(String(answer.headers["cache-control"]), /no-store/);
  });

  test("the list of logs leads to checkpoint, proof and bundle", async () => {
    await get("/-/log/lookup/beta@1.0.0");
    const { logs } = (await get("/-/log/")).json() as {
      logs: { shard: string; origin: string; vkey: string; state: string }[];
    };
    const [log] = logs;
    assert.ok(log !== undefined);
    assert.equal(log.state, "open");
    assert.ok(log.vkey.startsWith(`${log.origin}+`));
    const checkpoint = (await get(`/-/log/${log.shard}/checkpoint`)).text();
    assert.equal(checkpoint.split("\n")[0], log.origin);
    const proof = await get("/-/log/proof/beta@1.0.0");
    assert.match(proof.text(), /^c2sp\.org\/tlog-proof@v1\n/);
    const bundle = await get("/-/log/bundle", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        entries: [
          { name: "beta", version: "1.0.0" },
          { name: "alpha-two", version: "1.0.0" },
        ],
      }),
    });
    assert.equal(bundle.status, 200);
    const json = bundle.json();
    assert.equal(json["format"], "assay-bundle/v1");
    assert.deepEqual(json["missing"], [{ name: "alpha-two", version: "1.0.0" }]);
    assert.equal(upstream.count("/alpha-two/-/alpha-two-1.0.0.tgz"), 0, "a bundle never binds");
  });

  test("tile paths are strict", async () => {
    const { logs } = (await get("/-/log/")).json() as { logs: { shard: string }[] };
    const shard = String(logs[0]?.shard);
    for (const tile of ["tile/0/1", "tile/0/0000", "tile/64/000", "tile/0/000.p/256", "tile/0/000.p/0"]) {
      const { status } = await get(`/-/log/${shard}/${tile}`);
      assert.ok([400, 404].includes(status), `${tile}: ${status}`);
    }
  });
});

describe("pages for people", () => {
  for (const at of ["/", "/alpha"]) {
    test(`${at} is a page only when HTML is asked for`, async () => {
      const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
      const page = await get(at, { headers: { accept } });
      assert.equal(page.status, 200);
      assert.match(String(page.headers["content-type"]), /^text\/html/);
      assert.match(String(page.headers["content-security-policy"]), /default-src 'none'/);
      assert.match(page.text(), /^<!doctype html>/i);
      const json = await get(at, { headers: { accept: "*/*" } });
      assert.match(String(json.headers["content-type"]), /json/);
    });
  }

  test("a blocked tarball opened in a browser says why", async () => {
    const manifest = { name: "browsed", version: "1.0.0" };
    const tarball = hostileArchives(manifest)["climbing path"];
    assert.ok(tarball !== undefined);
    const release = upstream.publish({ ...manifest, tarball });
    const page = await get(release.path, { headers: { accept: "text/html" } });
    assert.equal(page.status, 403);
    assert.match(String(page.headers["content-type"]), /^text\/html/);
    assert.match(page.text(), /browsed/);
  });

  test("text from the upstream is escaped", async () => {
    upstream.publish({
      name: "markup",
      version: "1.0.0",
      manifest: { description: "<script>alert(1)</script>" },
    });
    const page = await get("/markup", { headers: { accept: "text/html" } });
    assert.ok(!page.text().includes("<script>alert"));
  });
});

describe("operations", () => {
  test("health and metrics answer", async () => {
    assert.equal((await get("/-/health/live")).status, 200);
    assert.equal((await get("/-/health/ready")).status, 200);
    const metrics = await get("/-/metrics");
    assert.equal(metrics.status, 200);
    assert.match(metrics.text(), /^# HELP /m);
  });
});
