/** `assay log rotate`: beside a running server, without one, and after an old backup was restored. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
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
let published = 0;

const start = async () => (server = await startServer(installation, { upstream: upstream.url }));

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

const assay = (...args: string[]) =>
  runAssay(installation, [...args, `--data=${installation.data}`], installation.home, { ASSAY_UPSTREAM: upstream.url });

/** Publishes a release upstream, and has it bound. */
async function bind(): Promise<string> {
  published += 1;
  const key = `tool-${published}@1.0.0`;
  upstream.publish({ name: `tool-${published}`, version: "1.0.0" });
  assert.match(await lookup(key), /^\d+\nassay\/v1 bind\n/);
  return key;
}

async function lookup(key: string): Promise<string> {
  const response = await fetch(`${server.url}/-/log/lookup/${key}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}

/** The checkpoint under a lookup says which shard answered. */
const originOf = async (key: string) => (await lookup(key)).split("\n\n")[1]?.split("\n", 1)[0];

async function logs(): Promise<{ shard: string; origin: string; state: string }[]> {
  const { logs: listed } = (await (await fetch(`${server.url}/-/log/`)).json()) as {
    logs: { shard: string; origin: string; state: string }[];
  };
  return listed;
}

test("beside a running server the next bind is in the new shard, and old ones are still proved in theirs", async () => {
  const old = await bind();
  const rotated = await assay("log", "rotate");
  assert.equal(rotated.exitCode, 0, rotated.stderr);
  const [newest, oldest] = await logs();
  assert.ok(newest && oldest);
  assert.match(rotated.stdout, new RegExp(`^${oldest.shard} has ended; ${newest.shard} is open\\.`));
  assert.deepEqual([newest.state, oldest.state], ["open", "frozen"]);
  const young = await bind();
  assert.deepEqual([await originOf(old), await originOf(young)], [oldest.origin, newest.origin]);
  const response = await fetch(`${server.url}/-/log/bundle`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      entries: [old, young].map((key) => ({ name: key.split("@")[0], version: "1.0.0" })),
    }),
  });
  const { bundles, missing } = (await response.json()) as { bundles: { origin: string }[]; missing: unknown[] };
  assert.deepEqual(bundles.map(({ origin }) => origin).toSorted(), [newest.origin, oldest.origin].toSorted());
  assert.deepEqual(missing, []);
});

test("a trust file follows a rotation: the old shard vouches for the new one, and its age is no matter", async () => {
  const project = path.join(installation.home, "project");
  mkdirSync(project);
  const verify = async (keys: readonly string[], ...flags: string[]) => {
    const packages: Record<string, { version: string; integrity: string }> = {};
    for (const key of keys) {
      const [name = "", version = ""] = key.split("@");
      const integrity = /^integrity (.+)$/m.exec(await lookup(key))?.[1] ?? "";
      packages[`node_modules/${name}`] = { version, integrity };
    }
    writeFileSync(path.join(project, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages }));
    return await inProject("verify", ...flags);
  };
  const inProject = (...args: string[]) =>
    runAssay(installation, [...args, `--registry=${server.url}`], project, { ASSAY_UPSTREAM: upstream.url });

  const old = await bind();
  const initialised = await inProject("trust", "init", "--yes");
  assert.equal(initialised.exitCode, 0, initialised.stderr);
  assert.equal((await verify([old])).exitCode, 0);
  assert.equal((await assay("log", "rotate")).exitCode, 0);
  const young = await bind();
  const [newest, before] = await logs();

  const ended = await verify([old], "--max-age=1s");
  assert.equal(ended.exitCode, 0, ended.stdout);
  assert.ok(
    ended.stdout.includes(`It has ended, and goes on in ${newest?.origin}, which is not trusted here`),
    ended.stdout,
  );
  const refused = await verify([old, young]);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stdout, /is not trusted; pin its vkey/);
  const checked = await inProject("trust", "check", "--json");
  assert.equal(checked.exitCode, 0, checked.stderr);
  const { untrusted } = JSON.parse(checked.stdout) as { untrusted: { origin: string; vouchedBy: string }[] };
  assert.deepEqual(
    untrusted.map(({ origin, vouchedBy }) => [origin, vouchedBy]),
    [[newest?.origin, before?.origin]],
  );
  assert.equal((await inProject("trust", "add", "log", "--yes")).exitCode, 0);
  const passed = await verify([old, young]);
  assert.equal(passed.exitCode, 0, passed.stdout);
  const full = await inProject("trust", "check");
  assert.doesNotMatch(full.stdout, /not in the file/);
});

test("without a server the command does it, and the next start goes on", async () => {
  await server.stop();
  const rotated = await assay("log", "rotate", "--json");
  assert.equal(rotated.exitCode, 0, rotated.stderr);
  const { ok, shard, vkey } = JSON.parse(rotated.stdout) as { ok: boolean; shard: string; vkey: string };
  assert.ok(ok);
  await start();
  const listed = await logs();
  assert.equal(listed.length, 4);
  assert.equal(listed[0]?.shard, shard);
  assert.ok(vkey.startsWith(`${listed[0]?.origin}+`));
  assert.equal(await originOf(await bind()), listed[0]?.origin);
});

test("a restored old backup is refused by server and command, and goes on in a new shard when somebody says so", async () => {
  const kept = await bind();
  await server.stop();
  const backup = path.join(installation.home, "backup");
  cpSync(installation.data, backup, { recursive: true });
  await start();
  const lost = await bind();
  const running = await assay("log", "rotate", "--restored");
  assert.equal(running.exitCode, 2, running.stdout);
  assert.match(running.stderr, /Another Assay already works/);
  await server.stop();
  rmSync(installation.data, { recursive: true });
  cpSync(backup, installation.data, { recursive: true });

  const sentence = /The log refuses to sign: .* or go on in a new shard with: assay log rotate --restored/;
  await assert.rejects(start(), sentence);
  const plain = await assay("log", "rotate");
  assert.equal(plain.exitCode, 1);
  assert.match(plain.stderr, sentence);

  const restored = await assay("log", "rotate", "--restored");
  assert.equal(restored.exitCode, 0, restored.stderr);
  assert.match(restored.stdout, /^Signed and not in this database: 1 entries\./m);
  await start();
  const [newest, oldest] = await logs();
  assert.equal((await logs()).length, 5);
  assert.deepEqual([await originOf(kept), await originOf(lost)], [oldest?.origin, newest?.origin]);
  const again = await assay("log", "rotate", "--restored");
  assert.equal(again.exitCode, 2);
});
