/**
 * `assay verify` on the lockfiles of real clients: those made straight from the upstream, without Assay, and those made
 * through it. Both name the same bytes, and the log binds them.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { clients, type ClientName } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { projectFiles, publishForLockfiles } from "@assay/testkit/lockfile-projects";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { CommandResult, Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

const names: readonly ClientName[] = [
  "npm12",
  "npm10",
  "pnpm12",
  "pnpm11",
  "pnpm10",
  "yarn1",
  "yarn4",
  "bun",
  "deno",
  "vlt",
];

let folder: string;
let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let vkey: string;

interface Report {
  readonly ok: boolean;
  readonly format: string;
  readonly verified: readonly { readonly name: string; readonly version: string }[];
  readonly throughRecord: readonly { readonly served: { readonly as: string } }[];
  readonly unverifiable: readonly { readonly name: string; readonly reason: string }[];
}

describe("verify", () => {
  before(async () => {
    await installClients((line) => process.stdout.write(`${line}\n`));
    folder = mkdtempSync(path.join(tmpdir(), "assay-verify-"));
    upstream = await createTestUpstream();
    publishForLockfiles(upstream);
    installation = await createInstallation();
    server = await startServer(installation, { upstream: upstream.url });
    const answer = (await (await fetch(`${server.url}/-/log/`)).json()) as { logs: { vkey: string }[] };
    vkey = answer.logs[0]?.vkey ?? "";
    // Once the bytes are known Assay lists their sha512, also where the upstream lists a sha1.
    assert.equal((await fetch(`${server.url}/old/-/old-0.1.0.tgz`)).status, 200);
  });

  after(async () => {
    await server?.[Symbol.asyncDispose]();
    await installation?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const name of names) {
    test(`${name}: a lockfile made without Assay verifies, and so does one made through it`, async () => {
      const straight = await locked(name, "straight", upstream.url);
      const through = await locked(name, "through", server.url);
      const [without, within] = [await verified(straight), await verified(through)];
      if (name === "yarn4") {
        assert.deepEqual([without.verified.length, within.verified.length], [0, 0]);
        // Of a version with build metadata Yarn keeps the URL, which then must be the registry's that is asked.
        assert.deepEqual(
          without.unverifiable.map((each) => [each.name, each.reason]),
          [["build", "foreign-archive"]],
        );
        assert.deepEqual([within.throughRecord.length, without.throughRecord.length], [11, 10]);
        const deep = await verified(through, "--deep");
        assert.deepEqual(new Set(deep.throughRecord.map(({ served }) => served.as)), new Set(["bound"]));
        return;
      }
      const old = { name: "old", version: "0.1.0" };
      const list = ({ verified: all }: Report): string[] =>
        all.map((each) => `${each.name}@${each.version}`).toSorted();
      // The upstream lists a sha1 only; Assay lists the sha512 of what it hashed.
      assert.deepEqual(
        without.unverifiable.map((each) => each.name),
        ["old"],
      );
      assert.deepEqual(within.unverifiable, []);
      assert.deepEqual(list(within), [...list(without), `${old.name}@${old.version}`].toSorted());
      assert.ok(list(without).length >= (name === "vlt" ? 7 : 8), list(without).join(" "));
    });

    test(`${name}: other bytes in the lockfile are found`, async () => {
      if (name === "yarn4") return;
      const project = await locked(name, "changed", server.url);
      const file = path.join(project, clients[name].lockfile);
      const text = readFileSync(file, "utf8");
      const { integrity } = upstream.document("@acme/lib").versions["2.0.0-rc.1"]?.dist ?? {};
      const changed = text.replaceAll(String(integrity), `sha512-${"e".repeat(85)}A==`);
      assert.notEqual(changed, text);
      writeFileSync(file, changed);
      const { exitCode, stdout } = await verify(project);
      assert.equal(exitCode, 1);
      const { mismatching } = JSON.parse(stdout) as { mismatching: { name: string }[] };
      assert.deepEqual(
        mismatching.map((each) => each.name),
        ["@acme/lib"],
      );
    });
  }
});

/** A project whose lockfile the client made at this registry. */
async function locked(name: ClientName, as: string, registry: string): Promise<string> {
  const project = path.join(folder, `${name}-${as}`);
  mkdirSync(project);
  const { "package.json": content = "" } = projectFiles("registry", upstream);
  writeFileSync(path.join(project, "package.json"), name === "vlt" ? withoutAliases(content) : content);
  const where = { project, home: `${project}-home`, cache: `${project}-cache` };
  const run = await clients[name].install({ ...where, registry });
  assert.equal(run.exitCode, 0, run.output.slice(-3000));
  return project;
}

/** Those of vlt lead to the public registry, whatever it is configured for. */
function withoutAliases(content: string | Uint8Array): string {
  const { dependencies, ...manifest } = JSON.parse(String(content)) as { dependencies: Record<string, string> };
  const kept = Object.entries(dependencies).filter(([, range]) => !range.startsWith("npm:"));
  return JSON.stringify({ ...manifest, dependencies: Object.fromEntries(kept) });
}

async function verified(project: string, ...more: readonly string[]): Promise<Report> {
  const { exitCode, stdout, stderr } = await verify(project, ...more);
  assert.equal(exitCode, 0, stdout + stderr);
  return JSON.parse(stdout) as Report;
}

function verify(project: string, ...more: readonly string[]): Promise<CommandResult> {
  const trust = [
    `--registry=${server.url}`,
    `--trust=${vkey}`,
    "--allow=old",
    "--allow=build",
    "--accept=through-record",
    "--json",
  ];
  return runAssay(installation, ["verify", ...trust, ...more], project);
}
