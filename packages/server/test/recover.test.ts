/** The database is lost; the log is made again from a copy, and goes on. */
import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import {
  createInstallation,
  runAssay,
  startServer,
  type CommandResult,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let published = 0;
const bound: string[] = [];

const assay = (...args: readonly string[]): Promise<CommandResult> =>
  runAssay(installation, ["log", ...args], installation.home, { ASSAY_UPSTREAM: upstream.url });
const here = () => `--data=${installation.data}`;
const copy = () => path.join(installation.home, "copy");
const start = async () => (server = await startServer(installation, { upstream: upstream.url }));

async function lookup(key: string): Promise<string> {
  const response = await fetch(`${server.url}/-/log/lookup/${key}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text.split("\n\n")[0] ?? "";
}

async function bind(): Promise<void> {
  published += 1;
  upstream.publish({ name: `tool-${published}`, version: "1.0.0" });
  bound.push(`tool-${published}@1.0.0`);
  await lookup(`tool-${published}@1.0.0`);
}

async function logs(): Promise<{ shard: string; vkey: string; state: string }[]> {
  const answer = (await (await fetch(`${server.url}/-/log/`)).json()) as {
    logs: { shard: string; vkey: string; state: string }[];
  };
  return answer.logs;
}

async function mirror(): Promise<void> {
  const first = (await logs()).at(-1);
  const done = await assay("mirror", server.url, `--trust=${first?.vkey}`, `--to=${copy()}`);
  assert.equal(done.exitCode, 0, done.stderr);
}

function loseDatabase(): void {
  for (const name of readdirSync(installation.data))
    if (name.startsWith("assay.db")) rmSync(path.join(installation.data, name));
}

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  await start();
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

test("everything that was bound is bound again, and the log goes on in the same shard with the same key", async () => {
  for (let i = 0; i < 3; i += 1) await bind();
  await assay("rotate", here());
  for (let i = 0; i < 3; i += 1) await bind();
  await mirror();
  const before = await Promise.all(bound.map(lookup));
  const listed = await logs();
  await server.stop();
  loseDatabase();

  const recovered = await assay("recover", here(), `--from=${copy()}`);
  assert.equal(recovered.exitCode, 0, recovered.stderr);
  // Three binds, the key of our registry signatures, and the two of a rotation.
  assert.match(recovered.stdout, /^npm-\d{4}a {2}6 entries {2}frozen\nnpm-\d{4}b {2}4 entries {2}open\n/);
  const checked = await assay("fsck", here());
  assert.equal(checked.exitCode, 0, checked.stdout);

  // What the upstream has lost meanwhile is served from the blobs that were kept.
  upstream.remove("tool-2", "1.0.0");
  await start();
  assert.deepEqual(await logs(), listed);
  assert.deepEqual(await Promise.all(bound.map(lookup)), before);
  await bind();
  const checkedAgain = await assay("fsck", here());
  assert.equal(checkedAgain.exitCode, 0, checkedAgain.stdout);
  const again = await assay("recover", here(), `--from=${copy()}`);
  assert.equal(again.exitCode, 2);
  assert.match(again.stderr, /Another Assay already works/);
});

test("a copy that is older than the last signature is recovered, refused at the start, and goes on in a new shard", async () => {
  await mirror();
  await bind();
  await server.stop();
  loseDatabase();
  const recovered = await assay("recover", here(), `--from=${copy()}`, "--json");
  assert.equal(recovered.exitCode, 0, recovered.stderr);
  await assert.rejects(start(), /The log refuses to sign: .*assay log rotate --restored/);
  const restored = await assay("rotate", here(), "--restored");
  assert.equal(restored.exitCode, 0, restored.stderr);
  await start();
  assert.equal((await logs()).length, 3);
  for (const key of bound) assert.match(await lookup(key), /assay\/v1 bind\n/);
  const checked = await assay("fsck", here());
  assert.equal(checked.exitCode, 0, checked.stdout);
});

test("from a registry that serves a copy; with keys that are lost only when they are given", async () => {
  const vkeys = (await logs()).map(({ vkey }) => vkey);
  const elsewhere = path.join(installation.home, "elsewhere");
  const state = { XDG_STATE_HOME: path.join(installation.home, "other-state"), ASSAY_UPSTREAM: upstream.url };
  const recover = (...args: string[]) =>
    runAssay(
      installation,
      ["log", "recover", `--data=${elsewhere}`, `--from=${server.url}`, ...args],
      installation.home,
      state,
    );
  const unknown = await recover();
  assert.equal(unknown.exitCode, 2);
  assert.match(unknown.stderr, /Nothing at http.* is signed by a key of this installation/);
  const part = await recover(`--trust=${vkeys[0]}`);
  assert.equal(part.exitCode, 2);
  assert.match(part.stderr, /goes on from .*, which is not there or not trusted/);
  const whole = await recover(...vkeys.map((vkey) => `--trust=${vkey}`), "--json");
  assert.equal(whole.exitCode, 0, whole.stderr);
  const { shards } = JSON.parse(whole.stdout) as { shards: { size: number; state: string }[] };
  // The second shard ended later than anybody has it.
  assert.deepEqual(
    shards.map(({ state: each }) => each),
    ["frozen", "abandoned", "open"],
  );
});

test("a copy that was changed, or is none, is refused, and nothing is visible", async () => {
  await server.stop();
  const broken = path.join(installation.home, "broken");
  cpSync(copy(), broken, { recursive: true });
  const shard = readdirSync(path.join(broken, "-", "log"))[0] ?? "";
  const bundle = path.join(broken, "-", "log", shard, "tile", "entries");
  rmSync(bundle, { recursive: true });
  loseDatabase();
  const missing = await assay("recover", here(), `--from=${broken}`);
  assert.equal(missing.exitCode, 1, missing.stdout);
  const none = await assay("recover", here(), `--from=${installation.home}`);
  assert.equal(none.exitCode, 2);
  assert.match(none.stderr, /is no copy of a log/);
  const nowhere = await assay("recover", here(), `--from=${path.join(installation.home, "nowhere")}`);
  assert.match(nowhere.stderr, /There is no folder/);
  const good = await assay("recover", here(), `--from=${copy()}`);
  assert.equal(good.exitCode, 0, good.stderr);
  assert.ok(existsSync(path.join(installation.data, "assay.db")));
});
