/**
 * Every package manager installs a real project of over 300 packages through Assay, cold and warm, from the
 * registry that npm on this machine is configured for; what their lockfiles then say is what they say
 * without Assay, and `assay verify` proves it.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { clients, forgetInstall } from "@assay/testkit/clients";
import type { Client, ClientName, ClientRun, Integrities } from "@assay/testkit/clients";
import { upstreamOrSkip } from "@assay/testkit/configured-upstream";
import { installClients } from "@assay/testkit/install-clients";
import { rawRequest } from "@assay/testkit/raw-http";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";

const fixture = path.join(import.meta.dirname, "../../testkit/fixtures/project-300/package.json");
const found = await upstreamOrSkip();
const skip = "skip" in found ? found.skip : false;
const upstream = "upstream" in found ? found.upstream : "";

/** Their lockfiles hold the upstream's own integrities; together they know every entry of the others. */
const straight: readonly ClientName[] = ["npm12", "pnpm12", "bun"];

/** Many times what an install takes: a client that hangs must fail its own test, not the whole run. */
const timeoutSeconds = 150;

/** Of each family the newest, with an Assay of its own that never saw a package. */
const newest: readonly ClientName[] = ["pnpm12", "yarn1", "yarn4", "bun", "deno", "vlt"];
/** These share one Assay, so the later ones find everything bound, warm from the start. npm 12 first: its lockfile is verified. */
const sharing: readonly ClientName[] = ["npm12", "npm11", "npm10", "pnpm11", "pnpm10"];

let folder: string;
let shared: Running;
const expected = new Map<string, string>();

interface Running extends AsyncDisposable {
  readonly installation: Installation;
  readonly server: ServerProcess;
}

async function start(): Promise<Running> {
  const installation = await createInstallation();
  const server = await startServer(installation, { upstream });
  return {
    installation,
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await installation[Symbol.asyncDispose]();
    },
  };
}

describe("clients", { skip }, () => {
  before(async () => {
    await installClients((line) => process.stdout.write(`${line}\n`));
    folder = mkdtempSync(path.join(tmpdir(), "assay-clients-"));
    for (const name of straight) {
      const { integrities } = await install(clients[name], `straight-${name}`, upstream);
      for (const [id, integrity] of integrities) expected.set(id, integrity);
    }
    shared = await start();
  });

  after(async () => {
    await shared?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const name of [...sharing, ...newest]) {
    test(`${name} installs cold and warm, with the integrities of an install without Assay`, async () => {
      const client = clients[name];
      await using own = sharing.includes(name) ? undefined : await start();
      const { server } = own ?? shared;
      const cold = await install(client, name, server.url).catch((error: unknown) => {
        throw new Error(`The server said:\n${server.output().slice(-3000)}`, { cause: error });
      });
      assert.ok(cold.integrities.size >= 300, `${cold.integrities.size} entries`);
      const reference = name === "yarn4" ? await berryReference() : expected;
      await assertSame(cold.integrities, reference);

      if (sharing.includes(name) && name !== "npm12") return;
      forgetInstall(cold.project, client, true);
      const warm = await client.install({ ...cold.where, registry: server.url, frozen: true, timeoutSeconds });
      assert.equal(warm.exitCode, 0, explain(warm));
      assert.deepEqual(client.integrities(cold.project), cold.integrities);
    });
  }

  test("no client is left out", () => {
    assert.deepEqual([...sharing, ...newest].toSorted(), Object.keys(clients).toSorted());
  });

  test("assay verify passes on npm's lockfile, and fails after one character was changed", async () => {
    const { installation, server } = shared;
    const project = path.join(folder, "npm12");
    const { logs } = (await rawRequest(server.url, "/-/log/")).json() as {
      logs: { vkey: string }[];
    };
    const parameters = ["verify", "package-lock.json", `--registry=${server.url}`];
    const trust = [`--trust=${logs[0]?.vkey}`, `--state=${path.join(folder, "state")}`];
    const good = await runAssay(installation, [...parameters, ...trust], project);
    assert.equal(good.exitCode, 0, `${good.stdout}${good.stderr}`);

    const file = path.join(project, "package-lock.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, withOneCharacterChanged(text));
    const bad = await runAssay(installation, [...parameters, ...trust], project);
    assert.equal(bad.exitCode, 1, `${bad.stdout}${bad.stderr}`);
    assert.match(`${bad.stdout}${bad.stderr}`, /express@/);
    writeFileSync(file, text);
  });
});

interface Installed {
  readonly project: string;
  readonly where: { readonly project: string; readonly home: string; readonly cache: string };
  readonly integrities: Integrities;
}

async function install(client: Client, as: string, registry: string): Promise<Installed> {
  const project = path.join(folder, as);
  mkdirSync(project, { recursive: true });
  cpSync(fixture, path.join(project, "package.json"));
  const where = {
    project,
    home: path.join(folder, `${as}-home`),
    cache: path.join(folder, `${as}-cache`),
  };
  const run = await client.install({ ...where, registry, timeoutSeconds });
  assert.equal(run.exitCode, 0, explain(run));
  return { project, where, integrities: client.integrities(project) };
}

function explain(run: ClientRun): string {
  const ending = run.exitCode === null ? "was killed" : `ended with ${run.exitCode}`;
  return `${ending} after ${run.seconds.toFixed(0)} s:\n${run.output.slice(-3000)}`;
}

/** Berry writes checksums of its own archives: comparable with Berry's alone. */
async function berryReference(): Promise<Integrities> {
  return (await install(clients.yarn4, "straight-yarn4", upstream)).integrities;
}

/** An entry that no reference resolved (clients dedupe differently) is asked of the upstream itself. */
async function assertSame(actual: Integrities, reference: Integrities): Promise<void> {
  for (const [id, integrity] of actual) {
    const wanted = reference.get(id) ?? (await listedIntegrity(id));
    if (wanted?.startsWith("sha1-") === true) assert.match(integrity, /^sha512-/, id);
    else assert.equal(integrity, wanted, id);
  }
}

async function listedIntegrity(id: string): Promise<string | undefined> {
  const at = id.lastIndexOf("@");
  const name = id.slice(0, at).replace("/", "%2f");
  const response = await fetch(`${upstream}/${name}`);
  const { versions } = (await response.json()) as {
    versions: Record<string, { dist: { integrity?: string } }>;
  };
  return versions[id.slice(at + 1)]?.dist.integrity ?? "sha1-";
}

/** Flips one character of the integrity of express. */
function withOneCharacterChanged(text: string): string {
  const at = text.indexOf("sha512-", text.indexOf('"node_modules/express": {')) + "sha512-".length;
  const other = text[at] === "A" ? "B" : "A";
  return text.slice(0, at) + other + text.slice(at + 1);
}
