/** Logs of organisations in a real server and by the real command: rotation, restart, proofs, and a lockfile over two logs. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { parsePackageName, parseTlogProof } from "@assay/core";
import {
  createInstallation,
  runAssay,
  startServer,
  type CommandResult,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";
import { claimBindIn } from "../src/checksums/claim-bind.ts";
import { createChecksums, type BindFacts } from "../src/checksums/checksums.ts";
import { serve } from "../src/checksums/test-log-server.ts";
import { bindFacts, never } from "../src/checksums/test-log.ts";
import { createSystemClock } from "../src/platform/system-clock.ts";
import { createSqliteDatabase } from "../src/platform/database/sqlite.ts";

const hosted = (name: string, number: number): BindFacts => ({
  ...bindFacts(number),
  name: parsePackageName(name),
  source: "hosted",
});

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

const assay = (...args: readonly string[]): Promise<CommandResult> =>
  runAssay(installation, ["log", ...args, `--data=${installation.data}`], installation.home, {
    ASSAY_UPSTREAM: upstream.url,
  });

/** Claims a bind beside the running server, as another process would. */
async function claim(log: string, facts: BindFacts): Promise<void> {
  await using database = await createSqliteDatabase({ path: path.join(installation.data, "assay.db") });
  await database.write((transaction) => claimBindIn(transaction, log, facts, createSystemClock().now()));
}

/** Waits until the log has this many signed records, and answers what `tail` prints of it, a JSON object each. */
async function tail(log: string, count: number): Promise<readonly { shard: string; text: string }[]> {
  for (let attempt = 0; ; attempt += 1) {
    const { stdout, stderr } = await assay("tail", `--log=${log}`, "--no-follow", "--lines=100", "--json");
    const records = stdout
      .trimEnd()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { shard: string; text: string });
    if (records.length >= count) return records;
    assert.ok(attempt < 20, `${log} has ${records.length} records: ${stderr}`);
  }
}

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  server = await startServer(installation, { upstream: upstream.url });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

test("a running server makes a log for each organisation that a claim waits for, and shows nobody anything of it", async () => {
  await claim("org:acme", hosted("@acme/ui", 1));
  await claim("org:umbrella", hosted("@umbrella/ui", 2));
  const [acme] = await tail("org:acme", 1);
  const [umbrella] = await tail("org:umbrella", 1);
  assert.match(acme?.text ?? "", /\nns org:acme\nname @acme\/ui\n.*\nnonce [A-Za-z0-9+/]{22}==\n$/s);
  assert.match(umbrella?.text ?? "", /\nns org:umbrella\n/);
  for (const place of ["", `${acme?.shard}/checkpoint`, `${acme?.shard}/tile/0/000.p/1`]) {
    const answer = await fetch(`${server.url}/-/log/${place}`);
    assert.equal(answer.status, place === "" ? 200 : 404);
    assert.doesNotMatch(await answer.text(), /acme/);
  }
  const npm = await tail("npm", 1);
  assert.ok(npm.every(({ text }) => !text.includes("acme")));
});

test("its records are shown and proven by the command, with the log's own key", async () => {
  const shown = await assay("show", "@acme/ui@1.0.1", "--log=org:acme");
  assert.equal(shown.exitCode, 0, shown.stderr);
  const proven = await assay("prove", "@acme/ui@1.0.1", "--log=org:acme");
  assert.equal(proven.exitCode, 0, proven.stderr);
  assert.match(parseTlogProof(proven.stdout).checkpoint, /^assay\.invalid\/[0-9a-f]{16}\/org-acme-\d{4}a\n/);
  const elsewhere = await assay("show", "@acme/ui@1.0.1");
  assert.equal(elsewhere.exitCode, 2, "it is not in the log of the public namespace");
});

test("the rotation of one log beside the server leaves the others as they are, and a restart knows all", async () => {
  const rotated = await assay("rotate", "--log=org:acme", "--json");
  assert.equal(rotated.exitCode, 0, rotated.stderr);
  assert.match((JSON.parse(rotated.stdout) as { shard: string }).shard, /^org-acme-\d{4}b$/);
  await server.stop();
  server = await startServer(installation, { upstream: upstream.url });
  await claim("org:acme", hosted("@acme/ui", 8));
  const records = await tail("org:acme", 5);
  assert.deepEqual(
    records.map(({ shard, text }) => `${shard.slice(-1)} ${text.slice(9, text.indexOf("\n"))}`),
    ["a bind", "a key", "a shard", "b shard", "b bind"],
  );
  assert.ok((await tail("org:umbrella", 1)).every(({ shard }) => shard.endsWith("a")));
  assert.ok((await tail("npm", 1)).every(({ shard }) => shard.endsWith("a")));
  const checked = await assay("fsck");
  assert.equal(checked.exitCode, 0, checked.stdout);
});

test("kill -9 while two logs are claimed in leaves both whole", async () => {
  for (let round = 0; round < 4; round += 1) {
    for (const [log, name] of [
      ["org:acme", "@acme/ui"],
      ["org:umbrella", "@umbrella/ui"],
    ] as const)
      for (let i = 0; i < 3; i += 1) await claim(log, hosted(name, 100 + round * 10 + i));
    await server.stop("SIGKILL");
    server = await startServer(installation, { upstream: upstream.url });
  }
  await tail("org:acme", 17);
  await tail("org:umbrella", 13);
  const checked = await assay("fsck");
  assert.equal(checked.exitCode, 0, checked.stdout);
});

/** A project with a lockfile over these releases, and the token of an organisation's member, as npm keeps it. */
function project(t: TestContext, registry: string, token: string | undefined, facts: readonly BindFacts[]): string {
  const folder = tempFolder(t);
  const { host } = new URL(registry);
  writeFileSync(
    path.join(folder, ".npmrc"),
    `registry=${registry}/\n${token === undefined ? "" : `//${host}/:_authToken=${token}\n`}`,
  );
  writeFileSync(path.join(folder, "package.json"), `{"name":"app","version":"1.0.0"}`);
  const packages = facts.map(({ name, version, integrity }) => [
    `node_modules/${name}`,
    { version, resolved: `${registry}/${name}/-/${name.slice(name.indexOf("/") + 1)}-${version}.tgz`, integrity },
  ]);
  writeFileSync(
    path.join(folder, "package-lock.json"),
    JSON.stringify({
      name: "app",
      version: "1.0.0",
      lockfileVersion: 3,
      packages: Object.fromEntries([["", { name: "app", version: "1.0.0" }], ...packages]),
    }),
  );
  return folder;
}

test("a lockfile with hosted and proxied packages is verified against both logs, with the token of npm", async (t) => {
  const { base, log, checksums } = await serve(t);
  const secret = hosted("@acme/secret", 1);
  const open = bindFacts(4);
  for (const facts of [secret, open]) {
    await log.database.write((transaction) => checksums.claimBind(transaction, facts));
    await checksums.lookup(facts.name, facts.version, never);
  }
  const run = (folder: string, ...args: readonly string[]): Promise<CommandResult> =>
    runAssay(installation, args, folder);

  const member = project(t, base, "acme", [secret, open]);
  const init = await run(member, "trust", "init", "--yes");
  assert.equal(init.exitCode, 0, init.stderr);
  assert.match(init.stderr, /org-acme-\d{4}a, for @acme\/\* alone/);
  const verified = await run(member, "verify", "--json", "--save-bundle=bundle.json");
  assert.equal(verified.exitCode, 0, verified.stdout + verified.stderr);
  const report = JSON.parse(verified.stdout) as {
    verified: { name: string; origin: string }[];
    checkpoints: unknown[];
  };
  assert.deepEqual(
    report.verified.map(({ name, origin }) => `${name} ${/\/((?:org-acme|npm)-)/.exec(origin)?.[1]}`).toSorted(),
    [`${secret.name} org-acme-`, `${open.name} npm-`].toSorted(),
  );
  assert.equal(report.checkpoints.length, 2);
  const offline = await run(member, "verify", "--offline", "--bundle=bundle.json");
  assert.equal(offline.exitCode, 0, offline.stdout);
  const checked = await run(member, "trust", "check");
  assert.equal(checked.exitCode, 0, checked.stdout);

  const outsider = project(t, base, undefined, [secret, open]);
  const theirs = await run(outsider, "trust", "init", "--yes");
  assert.equal(theirs.exitCode, 0, theirs.stderr);
  assert.doesNotMatch(theirs.stderr, /acme/);
  const refused = await run(outsider, "verify", "--json");
  assert.equal(refused.exitCode, 1);
  const { missing } = JSON.parse(refused.stdout) as { missing: { name: string }[] };
  assert.deepEqual(
    missing.map(({ name }) => name),
    [secret.name],
  );
});

test("an organisation's log that binds a public name is not believed", async (t) => {
  const { base, log, checksums } = await serve(t);
  // What a registry would do that wants to slip other bytes into a public package of members.
  const evil: BindFacts = { ...bindFacts(4, "evil"), source: "hosted" };
  await log.database.write(async (transaction) => {
    await claimBindIn(transaction, "org:acme", hosted("@acme/secret", 1), createSystemClock().now());
    await claimBindIn(transaction, "org:acme", evil, createSystemClock().now());
  });
  checksums.wake();
  await checksums.lookup(parsePackageName("@acme/secret"), bindFacts(1).version, never);
  const folder = project(t, base, "acme", [evil]);
  const init = await runAssay(installation, ["trust", "init", "--yes"], folder);
  assert.equal(init.exitCode, 0, init.stderr);
  // The same rows, read by a room to which every name is of that organisation: a bundle with a true proof.
  const lying = await createChecksums({ ...log.deps, organisationOf: () => "acme" }, log.config);
  const bundle = await lying.logs.bundle(undefined, [evil], never);
  assert.equal(bundle.bundles.length, 1);
  writeFileSync(path.join(folder, "bundle.json"), JSON.stringify(bundle));
  const verified = await runAssay(installation, ["verify", "--json", "--offline", "--bundle=bundle.json"], folder);
  assert.equal(verified.exitCode, 1, verified.stdout);
  const report = JSON.parse(verified.stdout) as { verified: unknown[]; refused: unknown[]; missing: unknown[] };
  assert.deepEqual([report.verified.length, report.refused.length, report.missing.length], [0, 0, 1]);
});
