/**
 * A version that its upstream takes away soon after we first saw it is refused on every path, also when its bytes
 * are hot in memory, until a person frees it. An older one is still served to lockfiles.
 */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  createInstallation,
  runAssay,
  startServer,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  const config = path.join(installation.home, "assay.yaml");
  writeFileSync(config, "packuments:\n  maxAgeSeconds: 0\n");
  server = await startServer(installation, { upstream: upstream.url, flags: [`--config=${config}`] });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

async function ask(target: string, init: RequestInit = {}): Promise<{ status: number; body: string }> {
  const response = await fetch(`${server.url}${target}`, init);
  return { status: response.status, body: await response.text() };
}

test("a young version that was removed is refused by GET, HEAD and Range though its bytes are hot", async () => {
  upstream.publish({ name: "taken-down", version: "1.0.0", time: daysAgo(30) });
  const release = upstream.publish({ name: "taken-down", version: "1.0.1", time: daysAgo(1) });
  assert.equal((await ask("/taken-down")).status, 200);
  for (let i = 0; i < 3; i += 1) assert.equal((await ask(release.path)).status, 200);
  upstream.remove("taken-down", "1.0.1");
  const document = await ask("/taken-down");
  assert.equal(document.body.includes('"1.0.1"'), false);
  const refused = await ask(release.path);
  assert.equal(refused.status, 403);
  assert.match(refused.body, /upstream\/removed-early/);
  assert.equal((await ask(release.path, { method: "HEAD" })).status, 403);
  assert.equal((await ask(release.path, { headers: { range: "bytes=0-9" } })).status, 403);
});

test("it stays refused after a restart, and is served again once a person frees it", async () => {
  const target = "/taken-down/-/taken-down-1.0.1.tgz";
  await server.stop();
  server = await startServer(installation, {
    upstream: upstream.url,
    flags: [`--config=${path.join(installation.home, "assay.yaml")}`],
  });
  assert.equal((await ask(target)).status, 403);
  const download = path.join(installation.data, "spool", String(server.pid), "under-way");
  writeFileSync(download, "half");
  const freed = await runAssay(
    installation,
    ["quarantine", "free", "taken-down@1.0.1", `--data=${installation.data}`],
    installation.home,
    {
      ASSAY_UPSTREAM: upstream.url,
    },
  );
  assert.equal(freed.exitCode, 0, freed.stderr);
  assert.ok(existsSync(download), "the command leaves the server's downloads alone");
  // The server notices what another process decided within a second or so.
  let status = 403;
  for (let i = 0; i < 50 && status === 403; i += 1) {
    await delay(100);
    status = (await ask(target)).status;
  }
  assert.equal(status, 200);
});

test("a version removed long after we first saw it is still served to lockfiles", async () => {
  upstream.publish({ name: "old-one", version: "1.0.0", time: daysAgo(400) });
  const release = upstream.publish({ name: "old-one", version: "1.0.1", time: daysAgo(300) });
  assert.equal((await ask(release.path)).status, 200);
  upstream.remove("old-one", "1.0.1");
  assert.equal((await ask("/old-one")).body.includes('"1.0.1"'), false);
  assert.equal((await ask(release.path)).status, 200);
});
