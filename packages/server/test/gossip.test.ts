/** `POST /-/log/gossip` at a registry, with a second registry that goes on from a copy of the first: a real fork. */
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { parseFork, verifier, verifyFork } from "@assay/core";
import { sha256 } from "@assay/verify/node";
import { createInstallation, startServer, type Installation, type ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let copy: Installation;
let server: ServerProcess;
let forked: ServerProcess;
let vkey = "";
let shard = "";

const start = (of: Installation): Promise<ServerProcess> => {
  const env = { ASSAY_LOG_GUARD_FOLDER: path.join(of.home, "guard") };
  return startServer(of, { upstream: upstream.url, env });
};

async function bind(at: ServerProcess, name: string): Promise<void> {
  upstream.publish({ name, version: "1.0.0" });
  const response = await fetch(`${at.url}/-/log/lookup/${name}@1.0.0`);
  assert.equal(response.status, 200, await response.text());
}

const checkpoint = async (at: ServerProcess) => await (await fetch(`${at.url}/-/log/${shard}/checkpoint`)).text();

async function show(at: ServerProcess, note: string) {
  const response = await fetch(`${at.url}/-/log/gossip`, { method: "POST", body: note });
  return { status: response.status, text: await response.text() };
}

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  copy = await createInstallation();
  server = await start(installation);
  const { logs } = (await (await fetch(`${server.url}/-/log/`)).json()) as { logs: { vkey: string; shard: string }[] };
  ({ vkey, shard } = logs[0] ?? { vkey, shard });
  for (let i = 0; i < 3; i += 1) await bind(server, `shared-${i}`);
  await server.stop();
  cpSync(installation.data, copy.data, { recursive: true });
  cpSync(path.join(installation.home, "guard"), path.join(copy.home, "guard"), { recursive: true });
  server = await start(installation);
  forked = await start(copy);
});

after(async () => {
  for (const each of [server, forked, installation, copy, upstream]) await each[Symbol.asyncDispose]();
});

test("a registry says of checkpoints of its own history how they stand to its newest, also after more binds", async () => {
  const old = await checkpoint(server);
  await bind(server, "mine");
  const now = await checkpoint(server);
  assert.deepEqual((JSON.parse((await show(server, now)).text) as { state: string }).state, "same");
  const { status, text } = await show(server, old);
  assert.deepEqual([status, (JSON.parse(text) as { state: string }).state], [200, "older"]);
  await bind(server, "more");
  assert.deepEqual((JSON.parse((await show(server, now)).text) as { state: string }).state, "older");
});

test("a registry whose log was forked says so with evidence, and keeps it", async () => {
  for (const name of ["theirs", "theirs-too"]) await bind(forked, name);
  const note = await checkpoint(forked);
  assert.match(note, new RegExp(`^${vkey.split("+")[0]}\n`));
  const { status, text } = await show(server, note);
  assert.equal(status, 409, text);
  assert.ok(await verifyFork(sha256, parseFork(text), await verifier(vkey)));
  const files = readdirSync(path.join(installation.data, "evidence"));
  assert.equal(files.length, 1);
  assert.equal(readFileSync(path.join(installation.data, "evidence", files[0] ?? ""), "utf8"), text);
  assert.match(await (await fetch(`${server.url}/-/metrics`)).text(), /assay_gossip_forks\{[^}]*\} 1/);
  assert.match(server.output(), /signed two histories that exclude each other/);
});

test("of a tree that is larger than its own a registry keeps the checkpoint, and finds the fork once it is as large", async () => {
  for (let i = 0; i < 4; i += 1) await bind(forked, `ahead-${i}`);
  const ahead = await checkpoint(forked);
  const { status, text } = await show(server, ahead);
  assert.deepEqual([status, (JSON.parse(text) as { state: string }).state], [202, "kept"]);
  assert.match(await (await fetch(`${server.url}/-/metrics`)).text(), /assay_gossip_waiting\{[^}]*\} 1/);
  for (let i = 0; i < 6; i += 1) await bind(server, `later-${i}`);
  assert.equal((await show(server, ahead)).status, 409);
  assert.equal((await show(server, "nonsense")).status, 400);
});
