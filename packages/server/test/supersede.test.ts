/** A wrong bind is replaced on the signatures of people, and on nothing else; the running server follows. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
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
const vkeys: string[] = [];

const at = (name: string) => path.join(installation.home, name);
const release = { name: "tool", version: "1.0.0" };
const sri = (bytes: Uint8Array) => `sha512-${createHash("sha512").update(bytes).digest("base64")}`;

async function assay(...args: string[]): Promise<CommandResult> {
  return await runAssay(installation, args, installation.home, { ASSAY_UPSTREAM: upstream.url });
}

async function supersede(...args: string[]): Promise<CommandResult> {
  return await assay("log", "supersede", "tool@1.0.0", `--data=${installation.data}`, ...args);
}

async function tarball(): Promise<string> {
  const response = await fetch(`${server.url}/tool/-/tool-1.0.0.tgz`);
  assert.equal(response.status, 200);
  return sri(new Uint8Array(await response.arrayBuffer()));
}

async function listed(): Promise<string | undefined> {
  const document = (await (await fetch(`${server.url}/tool`)).json()) as {
    versions: Record<string, { dist: { integrity: string } }>;
  };
  return document.versions["1.0.0"]?.dist.integrity;
}

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  for (const number of [1, 2, 3]) {
    const made = await assay("log", "approver-key", `approver-${number}.example`, `--out=${at(`key${number}`)}`);
    assert.equal(made.exitCode, 0, made.stderr);
    vkeys.push(made.stdout.split("\n", 1)[0] ?? "");
  }
  writeFileSync(at("assay.yaml"), `log:\n  approvers: [${vkeys.map((vkey) => JSON.stringify(vkey)).join(", ")}]\n`);
  server = await startServer(installation, { upstream: upstream.url });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

test("two of three approvers replace what a version is; the server serves the new bytes, and the log tells", async () => {
  upstream.publish({ ...release, files: { "index.js": "patched" } });
  const wrong = await tarball();
  const right = upstream.publish({ ...release, files: { "index.js": "as its authors made it" } });
  writeFileSync(at("right.tgz"), right.tarball);

  const proposed = await supersede(`--tarball=${at("right.tgz")}`, "--reason=patched on the way at first contact");
  assert.equal(proposed.exitCode, 0, proposed.stderr);
  assert.match(
    proposed.stdout,
    /^assay-supersede\/v1\nlog assay\.invalid\/.*\nns npm\nname tool\nversion 1\.0\.0\nsupersedes \d+\n/,
  );
  assert.match(proposed.stderr, /have 2 approvers sign it/);
  assert.equal(await tarball(), wrong, "nothing has happened yet");

  writeFileSync(at("statement"), proposed.stdout);
  const unsigned = await supersede(`--tarball=${at("right.tgz")}`, `--statement=${at("statement")}`);
  assert.equal(unsigned.exitCode, 2);
  const first = await assay("log", "approve", at("statement"), `--key=${at("key1")}`);
  assert.match(first.stdout, /tool@1\.0\.0\n {2}is {4}sha512-.*\n {2}to be sha512-.*\n {2}why {3}patched on the way/);
  const again = await assay("log", "approve", at("statement"), `--key=${at("key1")}`);
  assert.equal(again.exitCode, 0);
  const one = await supersede(`--tarball=${at("right.tgz")}`, `--statement=${at("statement")}`);
  assert.equal(one.exitCode, 2);
  assert.match(one.stderr, /1 of the 2 approvers that are needed signed it/);
  await assay("log", "approve", at("statement"), `--key=${at("key3")}`);

  const done = await supersede(`--tarball=${at("right.tgz")}`, `--statement=${at("statement")}`);
  assert.equal(done.exitCode, 0, done.stderr);
  assert.match(done.stdout, /Approved by approver-1\.example and approver-3\.example\./);
  for (let i = 0; i < 100 && (await tarball()) === wrong; i += 1) await delay(100);
  assert.equal(await tarball(), sri(right.tarball));
  assert.equal(await listed(), sri(right.tarball));
  const found = await (await fetch(`${server.url}/-/log/lookup/tool@1.0.0`)).text();
  assert.match(found, /^\d+\nassay\/v1 supersede\n/);
  const note = readFileSync(at("statement"));
  const [, replaced = ""] = /^supersedes (\d+)$/m.exec(proposed.stdout) ?? [];
  assert.match(
    found,
    new RegExp(
      `\nsupersedes ${replaced}\napproval sha256-${RegExp.escape(createHash("sha256").update(note).digest("base64"))}\n`,
    ),
  );
});

test("the page of the old record says which one is in force, and that one what verifiers think of it", async () => {
  const { logs } = (await (await fetch(`${server.url}/-/log/`)).json()) as { logs: { shard: string }[] };
  const page = async (at: string) => await (await fetch(`${server.url}/-/web/log${at}`)).text();
  const [, replaced = ""] = /^supersedes (\d+)$/m.exec(readFileSync(at("statement"), "utf8")) ?? [];
  const old = await page(`/${logs[0]?.shard}/${replaced}`);
  const [, inForce = ""] = /people approved other bytes: <a href="[^"]*\/-\/web\/log([^"]*)"/.exec(old) ?? [];
  const now = await page(inForce);
  assert.match(now, /supersede of tool@1\.0\.0/);
  assert.match(now, /verifiers refuse a replaced version unless their trust file allows it/);
  assert.equal(await page("?q=tool@1.0.0"), now, "a search leads to the record in force");
});

test("a used statement does nothing more, and is good for no other bytes", async () => {
  const before = await tarball();
  const again = await supersede(`--tarball=${at("right.tgz")}`, `--statement=${at("statement")}`);
  assert.notEqual(again.exitCode, 0);
  const other = upstream.publish({ ...release, files: { "index.js": "third" } });
  writeFileSync(at("other.tgz"), other.tarball);
  const swapped = await supersede(`--tarball=${at("other.tgz")}`, `--statement=${at("statement")}`);
  assert.equal(swapped.exitCode, 2);
  assert.match(swapped.stderr, /is not what would be done now/);
  assert.equal(await tarball(), before);
});

test("bytes that the owner does not list need their own manifest, and archives are held to the rules", async () => {
  const mine = upstream.publish({ name: "elsewhere", version: "1.0.0" });
  writeFileSync(at("mine.tgz"), mine.tarball);
  const unlisted = await supersede(`--tarball=${at("mine.tgz")}`);
  assert.equal(unlisted.exitCode, 2);
  assert.match(unlisted.stderr, /lists sha512-.* for tool@1\.0\.0, and the tarball is sha512-.*--manifest archive/);
  const foreign = await supersede(`--tarball=${at("mine.tgz")}`, "--manifest=archive");
  assert.equal(foreign.exitCode, 1);
  assert.match(foreign.stderr, /manifest\/name/);
  writeFileSync(at("no.tgz"), "no archive");
  const broken = await supersede(`--tarball=${at("no.tgz")}`, "--manifest=archive");
  assert.match(broken.stderr, /Blocked tool@1\.0\.0 by rule archive\//);
  const unbound = await assay(
    "log",
    "supersede",
    "nothing@1.0.0",
    `--data=${installation.data}`,
    `--tarball=${at("mine.tgz")}`,
  );
  assert.equal(unbound.exitCode, 2);
  assert.match(unbound.stderr, /A bind of nothing@1\.0\.0 was not found/);
});
