/**
 * `assay lockfile rewrite` moves the lockfiles of real clients from one registry to another; their frozen installs then
 * work there, and ask the old one for nothing.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { clients, forgetInstall, type ClientName } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { projectFiles, publishForLockfiles } from "@assay/testkit/lockfile-projects";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

/** Where the lockfile can do without a URL, and the client then asks the registry that it is configured for. */
const withoutUrls: readonly ClientName[] = ["npm12", "npm10", "yarn1", "bun", "deno"];
/** Without vlt: from a lockfile it asks the public registry, whatever it is configured for. */
const all: readonly ClientName[] = ["npm12", "npm10", "pnpm12", "pnpm10", "yarn1", "bun", "deno", "yarn4"];

let folder: string;
let old: TestUpstream;
let installation: Installation;
let server: ServerProcess;

describe("lockfile rewrite", () => {
  before(async () => {
    await installClients((line) => process.stdout.write(`${line}\n`));
    folder = mkdtempSync(path.join(tmpdir(), "assay-rewrite-"));
    old = await createTestUpstream();
    publishForLockfiles(old);
    installation = await createInstallation();
    server = await startServer(installation, { upstream: old.url });
  });

  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await installation?.[Symbol.asyncDispose]();
    await old?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const name of all) {
    test(`${name} installs from its rewritten lockfile, and leaves it alone`, async () => {
      const project = await lockedAt(name, "moved");
      await rewrite(project, server.url, `${old.url} to ${server.url}`);
      await frozenInstallHere(name, project);
    });
  }

  for (const name of withoutUrls) {
    test(`${name} installs from a lockfile without URLs`, async () => {
      const project = await lockedAt(name, "without");
      await rewrite(project, "none", "so that the client's own registry is used");
      await frozenInstallHere(name, project);
    });
  }
});

/** A project whose lockfile the client made straight from the old registry. */
async function lockedAt(name: ClientName, as: string): Promise<string> {
  const client = clients[name];
  const project = path.join(folder, `${name}-${as}`);
  for (const [file, content] of Object.entries(projectFiles("registry", old))) {
    mkdirSync(path.dirname(path.join(project, file)), { recursive: true });
    writeFileSync(path.join(project, file), manifestFor(as, content));
  }
  const run = await client.install({ project, home: `${project}-home`, cache: `${project}-cache`, registry: old.url });
  assert.equal(run.exitCode, 0, run.output.slice(-3000));
  forgetInstall(project, client, true);
  return project;
}

/** A version with build metadata needs its URL. */
function manifestFor(as: string, content: string | Uint8Array): string {
  const { dependencies, ...manifest } = JSON.parse(String(content)) as { dependencies: Record<string, string> };
  const kept = Object.entries(dependencies).filter(([dependency]) => as !== "without" || dependency !== "build");
  return JSON.stringify({ ...manifest, dependencies: Object.fromEntries(kept) });
}

async function rewrite(project: string, to: string, says: string): Promise<void> {
  const ran = await runAssay(installation, ["lockfile", "rewrite", "--to", to], project);
  assert.equal(ran.exitCode, 0, ran.stderr);
  assert.ok(ran.stdout.includes(says) || ran.stdout.includes("nothing to change"), ran.stdout);
}

async function frozenInstallHere(name: ClientName, project: string): Promise<void> {
  const client = clients[name];
  const file = path.join(project, client.lockfile);
  const lockfile = readFileSync(file, "utf8");
  assert.ok(!lockfile.includes(new URL(old.url).host), lockfile);
  const asked = old.requests.length;
  const where = { project, home: `${project}-home`, cache: `${project}-cold` };
  const run = await client.install({ ...where, registry: server.url, frozen: true });
  assert.equal(run.exitCode, 0, run.output.slice(-3000));
  assert.equal(readFileSync(file, "utf8"), lockfile);
  const installed = path.join(project, "node_modules", "plain", "package.json");
  assert.equal((JSON.parse(readFileSync(installed, "utf8")) as { version: string }).version, "1.1.0");
  // What the old registry was asked came from Assay, which knows it as its upstream.
  for (const { headers } of old.requests.slice(asked)) assert.match(headers["user-agent"] ?? "", /assay/i);
}
