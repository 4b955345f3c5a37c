/**
 * `assay mirror`: what it brought is installed by npm and pnpm while the upstream is dead. It goes on where it was
 * killed, and works beside a server, which then proves what it bound.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { clients, forgetInstall, type Client } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { drip } from "@assay/testkit/lies";
import { rawRequest } from "@assay/testkit/raw-http";
import {
  createInstallation,
  runAssay,
  startAssay,
  startServer,
  type CommandResult,
  type Installation,
} from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

const { npm12, pnpm12 } = clients;
const timeoutSeconds = 120;

let upstream: TestUpstream;
/** The one whose end the first test is about. */
let mortal: TestUpstream;
let installation: Installation;

before(async () => {
  await installClients((line) => process.stdout.write(`${line}\n`));
  mortal = upstream = await createTestUpstream();
  installation = await createInstallation();
  for (let i = 0; i < 30; i += 1) {
    const dependencies = i === 29 ? {} : { [`p${i + 1}`]: "^1.0.0", ...(i % 3 === 0 && { "@s/leaf": "*" }) };
    upstream.publish({ name: `p${i}`, version: "1.0.0", manifest: { dependencies } });
  }
  upstream.publish({ name: "@s/leaf", version: "2.0.0" });
});

after(async () => {
  await upstream[Symbol.asyncDispose]();
  if (upstream !== mortal) await mortal[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

const mirror = (...parameters: string[]): readonly string[] => ["mirror", `--data=${installation.data}`, ...parameters];
const environment = (): Record<string, string> => ({ ASSAY_UPSTREAM: upstream.url });

interface Project {
  readonly project: string;
  readonly home: string;
  readonly cache: string;
}

/** A project that depends on p0, and so on everything, with the lockfile that the client makes of it. */
async function makeProject(client: Client): Promise<Project> {
  const root = path.join(installation.home, client.name);
  const where = { project: path.join(root, "project"), home: path.join(root, "home"), cache: path.join(root, "cache") };
  for (const folder of Object.values(where)) mkdirSync(folder, { recursive: true });
  const manifest = { name: "app", version: "1.0.0", dependencies: { p0: "1.0.0" } };
  writeFileSync(path.join(where.project, "package.json"), JSON.stringify(manifest));
  const run = await client.install({
    ...where,
    registry: upstream.url,
    timeoutSeconds,
    env: { npm_config_omit_lockfile_registry_resolved: "true" },
  });
  assert.equal(run.exitCode, 0, run.output);
  return where;
}

/** Until the upstream is asked for this path again; fails with what the command said when it ends before. */
async function asked(target: string, result: Promise<CommandResult>): Promise<void> {
  const before = upstream.count(target);
  let ended: CommandResult | undefined;
  void result.then((outcome) => (ended = outcome));
  while (upstream.count(target) === before) {
    assert.equal(ended, undefined, JSON.stringify(ended));
    await delay(20);
  }
}

describe("assay mirror", () => {
  test("a run that is killed is gone on with, and what it brought is installed without its upstream", async () => {
    const npm = await makeProject(npm12);
    const pnpm = await makeProject(pnpm12);
    const lockfile = path.join(npm.project, "package-lock.json");
    for (let i = 8; i < 30; i += 1) upstream.lie(`/p${i}/-/p${i}-1.0.0.tgz`, drip(1, 500));
    const { child, result } = startAssay(
      installation,
      mirror(`--lockfile=${lockfile}`, "--concurrency=4"),
      undefined,
      environment(),
    );
    await asked("/p10/-/p10-1.0.0.tgz", result);
    child.kill("SIGKILL");
    await result;
    upstream.honest();
    const again = await runAssay(installation, mirror(`--lockfile=${lockfile}`), undefined, environment());
    assert.equal(again.exitCode, 0, `${again.stdout}${again.stderr}`);
    assert.match(again.stdout, /Went on with a run that had been cut off/);
    assert.match(again.stdout, /31 releases are here and bound/);

    const dead = upstream.url;
    await mortal[Symbol.asyncDispose]();
    await using server = await startServer(installation, { upstream: dead });
    for (const [client, where] of [
      [npm12, npm],
      [pnpm12, pnpm],
    ] as const) {
      forgetInstall(where.project, client, true);
      const cache = `${where.cache}-cold`;
      const run = await client.install({ ...where, cache, registry: server.url, frozen: true, timeoutSeconds });
      assert.equal(run.exitCode, 0, `${client.name}: ${run.output}\n${server.output()}`);

      assert.equal(client.integrities(where.project).size, 31);
      assert.ok(existsSync(path.join(where.project, "node_modules", "p0", "package.json")));
    }
  });

  test("beside a server, what it binds is proven by that server's log a moment later", async () => {
    upstream = await createTestUpstream();
    upstream.publish({ name: "beside", version: "1.0.0" });
    await using other = await createInstallation();
    await using server = await startServer(other, { upstream: upstream.url });
    const ran = await runAssay(other, ["mirror", "beside", `--data=${other.data}`], undefined, environment());
    assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`);
    const proof = async () => await rawRequest(server.url, "/-/log/proof/beside@1.0.0");
    while ((await proof()).status === 404) await delay(50);
    assert.match((await proof()).body.toString(), /^c2sp\.org\/tlog-proof@v1\n/);
  });

  test("alone it has the data folder, so no server starts underneath; it stops at once when it is told to", async () => {
    await using other = await createInstallation();
    upstream.publish({ name: "slow", version: "1.0.0" });
    upstream.lie("/slow/-/slow-1.0.0.tgz", drip(1, 500));
    const command = ["mirror", "slow", `--data=${other.data}`];
    const { child, result } = startAssay(other, command, undefined, environment());
    await asked("/slow/-/slow-1.0.0.tgz", result);
    await assert.rejects(
      startServer(other, { upstream: upstream.url }),
      /Another Assay already works in this data folder/,
    );
    child.kill("SIGINT");
    const stopped = await result;
    assert.equal(stopped.exitCode, 1);
    assert.match(stopped.stdout, /Stopped: 0 releases/);
    upstream.honest();
    const again = await runAssay(other, [...command, "--json"], undefined, environment());
    assert.equal(again.exitCode, 0, again.stderr);
    const report = JSON.parse(again.stdout) as Record<string, unknown>;
    assert.deepEqual([report["ok"], report["continued"], report["releases"]], [true, true, 1]);
  });

  test("a server has what its configuration names without being asked", async () => {
    await using other = await createInstallation();
    upstream.publish({ name: "in-advance", version: "1.0.0" });
    const config = path.join(other.home, "assay.yaml");
    writeFileSync(config, "mirror: {names: [in-advance]}\n");
    await using server = await startServer(other, { upstream: upstream.url, flags: [`--config=${config}`] });
    while (!server.output().includes("the mirror run is complete")) await delay(50);
    assert.equal(upstream.count("/in-advance/-/in-advance-1.0.0.tgz"), 1);
    assert.equal((await rawRequest(server.url, "/in-advance/-/in-advance-1.0.0.tgz")).status, 200);
    assert.equal(upstream.count("/in-advance/-/in-advance-1.0.0.tgz"), 1);
  });

  test("what cannot be had makes it fail, and what makes no sense is wrong use", async () => {
    await using other = await createInstallation();
    upstream.publish({ name: "there", version: "1.0.0" });
    const run = (...parameters: string[]) =>
      runAssay(other, ["mirror", ...parameters, `--data=${other.data}`], undefined, environment());
    const partly = await run("there", "absent");
    assert.equal(partly.exitCode, 1);
    assert.match(partly.stdout, /^✗ absent \(latest\): The package absent was not found\.$/m);
    assert.match(partly.stdout, /^1 releases are here and bound, .*; 2 could not be had\.$/m);
    for (const wrong of [[], ["--concurrency=0", "there"], ["there@git+ssh://h/x"], ["--versions=some", "there"]])
      assert.equal((await run(...wrong)).exitCode, 2, wrong.join(" "));
    assert.equal((await run("--lockfile=/absent/package-lock.json")).exitCode, 2);
  });
});
