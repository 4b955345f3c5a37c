/** The cache is never the truth: it may be deleted or damaged while the server runs. */
import assert from "node:assert/strict";
import { readdirSync, rmSync, truncateSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { createInstallation, startServer, type Installation, type ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

before(async () => {
  upstream = await createTestUpstream();
  const files = { "README.md": "x" };
  for (let patch = 0; patch < 40; patch += 1) upstream.publish({ name: "kept", version: `1.0.${patch}`, files });
  // Above the size that is rendered in a worker thread.
  upstream.publish({ name: "large", version: "1.0.0", manifest: { description: "d".repeat(300_000) } });
  installation = await createInstallation();
  server = await startServer(installation, { upstream: upstream.url });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

async function statusOf(target: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${server.url}${target}`, { headers });
  await response.arrayBuffer();
  return response.status;
}

const targets = ["/kept", "/large", "/kept/1.0.3", "/kept/latest", "/-/v1/search?text=kept"];

test("everything is answered after the cache was deleted, without asking the upstream again", async () => {
  for (const target of targets) assert.equal(await statusOf(target), 200, target);
  const asked = upstream.count("/kept");
  const cache = path.join(installation.data, "cache");
  for (const target of targets) {
    for (const folder of readdirSync(cache)) rmSync(path.join(cache, folder), { recursive: true });
    assert.equal(await statusOf(target, { "accept-encoding": "identity", accept: "application/json" }), 200, target);
  }
  for (const folder of readdirSync(cache)) rmSync(path.join(cache, folder), { recursive: true });
  assert.equal(await statusOf("/kept/-/kept-1.0.3.tgz"), 200);
  assert.equal(upstream.count("/kept"), asked);
});

test("parts that were cut short are made again", async () => {
  const folder = path.join(installation.data, "cache", "packuments");
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) truncateSync(path.join(entry.parentPath, entry.name), 10);
  }
  assert.equal(await statusOf("/kept/1.0.5"), 200);
  assert.equal(await statusOf("/large", { "accept-encoding": "zstd" }), 200);
});
