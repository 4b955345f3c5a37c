/** A registry that is limited to its packages and to what they depend on. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { rawRequest } from "@assay/testkit/raw-http";
import type { RawAnswer } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

const get = (at: string): Promise<RawAnswer> => rawRequest(server.url, at);

async function start(config: string): Promise<void> {
  server = await startServer(installation, { config });
}

before(async () => {
  upstream = await createTestUpstream();
  const depends = (name: string, version: string, dependencies: Record<string, string> = {}, rest = {}): void => {
    upstream.publish({ name, version, manifest: { dependencies, ...rest } });
  };
  depends("@acme/app", "1.0.0", { ui: "^1.0.0", alias: "npm:real@~2.0.0" }, { peerDependencies: { peer: "*" } });
  depends("ui", "1.1.0", { deep: "1.x" });
  // Nobody depends on this version, so not on what it depends on either.
  depends("ui", "2.0.0", { "only-of-two": "*" });
  depends("deep", "1.0.0");
  depends("real", "2.0.1");
  depends("alias", "1.0.0");
  depends("peer", "3.0.0");
  depends("only-of-two", "1.0.0");
  depends("stranger", "1.0.0");
  depends("locked", "1.0.0");
  installation = await createInstallation();
  const lockfile = path.join(installation.home, "package-lock.json");
  const integrity = `sha512-${createHash("sha512").update("locked").digest("base64")}`;
  const packages = {
    "": {},
    "node_modules/locked": { version: "1.0.0", integrity, resolved: `${upstream.url}/locked/-/locked-1.0.0.tgz` },
  };
  writeFileSync(lockfile, JSON.stringify({ name: "p", lockfileVersion: 3, packages }));
  await start(`
upstream: {url: "${upstream.url}"}
only: {names: ["@acme/*"], lockfiles: ["${lockfile}"]}
`);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

const asked = (name: string): boolean =>
  upstream.requests.some(({ path: at }) => decodeURIComponent(at).includes(name));

describe("a registry that is limited", () => {
  test("has its own packages and, as soon as these were asked for, all that they depend on", async () => {
    assert.equal((await get("/@acme%2fapp")).status, 200);
    for (const name of ["ui", "real", "peer", "deep", "locked"])
      assert.equal((await get(`/${name}`)).status, 200, name);
    assert.equal((await get("/deep/-/deep-1.0.0.tgz")).status, 200);
  });

  test("refuses everything else by name and rule, on every way in, and asks nobody for it", async () => {
    const ways = (name: string): readonly string[] => [
      `/${name}`,
      `/${name}/latest`,
      `/${name}/1.0.0`,
      `/${name}/-/${name}-1.0.0.tgz`,
      `/-/package/${name}/dist-tags`,
      `/-/log/lookup/${name}@1.0.0`,
    ];
    for (const name of ["stranger", "only-of-two", "alias", "never-published"]) {
      for (const at of ways(name)) {
        const answer = await get(at);
        assert.equal(answer.status, 403, at);
        assert.equal(answer.json()["rule"], "only/closure", at);
        assert.match(String(answer.json()["error"]), /limited to its own packages and to what they depend on/);
      }
      assert.equal(asked(name), false, name);
    }
  });

  test("follows what a new version depends on, before its listing is answered", async () => {
    upstream.publish({ name: "@acme/app", version: "1.1.0", manifest: { dependencies: { stranger: "*" } } });
    await server.stop();
    await start(`
upstream: {url: "${upstream.url}"}
only: {names: ["@acme/*"]}
packuments: {maxAgeSeconds: 0}
`);
    const [listing] = [await get("/@acme%2fapp")];
    assert.ok(Object.hasOwn(listing.json()["versions"] as object, "1.1.0"));
    assert.equal((await get("/stranger")).status, 200);
    assert.equal((await get("/locked")).status, 403, "its lockfile is not named any more");
  });

  test("knows after a kill what it knew, though its registry is down", async () => {
    await server.stop("SIGKILL");
    const url = upstream.url;
    await upstream[Symbol.asyncDispose]();
    await start(`
upstream: {url: "${url}"}
only: {names: ["@acme/*"]}
`);
    const deep = await get("/deep");
    assert.equal(deep.status, 200, deep.body.toString());
    assert.equal((await get("/deep/-/deep-1.0.0.tgz")).status, 200);
    let answer = await get("/only-of-two");
    for (let i = 0; answer.status === 503 && i < 20; i += 1, answer = await get("/only-of-two")) await delay(200);
    assert.equal(answer.status, 403);
    upstream = await createTestUpstream();
  });
});
