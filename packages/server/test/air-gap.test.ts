/**
 * Packages with their proofs across an air gap: what one Assay exports, another one without any upstream imports under
 * the first one's key; npm and pnpm install from it, and its own log proves every byte.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { clients, forgetInstall } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { rawRequest } from "@assay/testkit/raw-http";
import { createSeededRandom } from "@assay/testkit/seeded-random";
import {
  createInstallation,
  runAssay,
  startAssay,
  startServer,
  type Installation,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

const packages = 40;
const timeoutSeconds = 120;
const { npm12, pnpm12 } = clients;

let upstream: TestUpstream;
let near: Installation;
let far: Installation;
let file: string;
let vkey: string;

async function vkeyOf(server: ServerProcess): Promise<string> {
  const { logs } = (await rawRequest(server.url, "/-/log/")).json() as { logs: { vkey: string }[] };
  return logs[0]?.vkey ?? "";
}

const assay = (where: Installation, ...parameters: string[]) =>
  runAssay(
    where,
    [...parameters, `--data=${where.data}`],
    where.home,
    where === near ? { ASSAY_UPSTREAM: upstream.url } : {},
  );

before(async () => {
  await installClients((line) => process.stdout.write(`${line}\n`));
  upstream = await createTestUpstream();
  near = await createInstallation();
  far = await createInstallation();
  writeFileSync(path.join(far.home, "assay.yaml"), "upstreams: {}\n");
  const random = createSeededRandom(5);
  for (let i = 0; i < packages; i += 1) {
    const files = i % 8 === 0 ? { "large.bin": random.bytes(1_200_000) } : {};
    upstream.publish({ name: i % 5 === 4 ? `@s/p${i}` : `p${i}`, version: "1.0.0", files });
  }
});

after(async () => {
  await upstream[Symbol.asyncDispose]();
  await near[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});

/** A project that depends on everything, with npm's and pnpm's lockfiles made near the upstream. */
async function makeProject(registry: string): Promise<{ readonly project: string; readonly home: string }> {
  const root = path.join(near.home, "shop");
  const where = { project: path.join(root, "project"), home: path.join(root, "home") };
  for (const folder of Object.values(where)) mkdirSync(folder, { recursive: true });
  const names = Array.from({ length: packages }, (_, i) => (i % 5 === 4 ? `@s/p${i}` : `p${i}`));
  const manifest = {
    name: "app",
    version: "1.0.0",
    dependencies: Object.fromEntries(names.map((name) => [name, "1.0.0"])),
  };
  writeFileSync(path.join(where.project, "package.json"), JSON.stringify(manifest));
  for (const client of [npm12, pnpm12]) {
    const cache = path.join(root, `cache-${client.name}`);
    const env = { npm_config_omit_lockfile_registry_resolved: "true" };
    const run = await client.install({ ...where, cache, registry, timeoutSeconds, env });
    assert.equal(run.exitCode, 0, run.output);
    forgetInstall(where.project, client, true);
  }
  return where;
}

describe("across an air gap", () => {
  let shop: { readonly project: string; readonly home: string };

  test("a lockfile is exported beside a running server, with the key to pin", async () => {
    await using server = await startServer(near, { upstream: upstream.url });
    shop = await makeProject(server.url);
    vkey = await vkeyOf(server);
    file = path.join(near.home, "shop.assay.tar");
    const lockfile = path.join(shop.project, "package-lock.json");
    const exported = await assay(near, "export", `--to=${file}`, `--lockfile=${lockfile}`);
    assert.equal(exported.exitCode, 0, `${exported.stdout}${exported.stderr}`);
    assert.match(exported.stdout, new RegExp(`${packages} releases of ${packages} packages`));
    assert.ok(exported.stdout.includes(vkey));
    assert.equal((await assay(near, "export", `--to=${file}`, "--used")).exitCode, 2);
  });

  test("it is not imported without a key, nor under another one, and an import that is killed goes on", async () => {
    assert.equal((await assay(far, "import", file)).exitCode, 2);
    {
      // Its log has another key.
      await using server = await startServer(far, {});
      const wrong = await assay(far, "import", file, `--trust=${await vkeyOf(server)}`);
      assert.equal(wrong.exitCode, 1);
      assert.match(wrong.stdout, /is not trusted; pin its vkey/);
      assert.equal((await rawRequest(server.url, "/p0")).status, 404);
    }
    const { child, result } = startAssay(far, ["import", file, `--trust=${vkey}`, `--data=${far.data}`]);
    const blobs = path.join(far.data, "blobs", "proof");
    while (!existsSync(blobs)) await delay(5);
    child.kill("SIGKILL");
    await result;
    const imported = await assay(far, "import", file, `--trust=${vkey}`, "--json");
    assert.equal(imported.exitCode, 0, `${imported.stdout}${imported.stderr}`);
    const report = JSON.parse(imported.stdout) as Record<string, unknown>;
    assert.deepEqual([report["ok"], report["packages"], report["releases"]], [true, packages, packages]);
  });

  test("npm and pnpm install from it where there is no upstream, and its own log proves every package", async () => {
    await upstream[Symbol.asyncDispose]();
    await using server = await startServer(far, {});
    for (const client of [npm12, pnpm12]) {
      const cache = path.join(far.home, `cold-${client.name}`);
      const run = await client.install({ ...shop, cache, registry: server.url, frozen: true, timeoutSeconds });
      assert.equal(run.exitCode, 0, `${client.name}: ${run.output}\n${server.output()}`);
      assert.ok(existsSync(path.join(shop.project, "node_modules", "@s", "p4", "package.json")));
      forgetInstall(shop.project, client, true);
    }
    const own = await vkeyOf(server);
    assert.notEqual(own, vkey);
    const state = `--state=${path.join(far.home, "state")}`;
    for (const lockfile of ["package-lock.json", "pnpm-lock.yaml"]) {
      const parameters = [
        "verify",
        path.join(shop.project, lockfile),
        `--registry=${server.url}`,
        `--trust=${own}`,
        state,
      ];
      const verified = await runAssay(far, parameters);
      assert.equal(verified.exitCode, 0, `${verified.stdout}${verified.stderr}`);
    }
    // A fresh resolution works as far as what is here goes.
    const document = (await rawRequest(server.url, "/p0")).json() as { "dist-tags": unknown };
    assert.deepEqual(document["dist-tags"], { latest: "1.0.0" });
    assert.equal((await rawRequest(server.url, "/absent")).status, 404);
    assert.match((await rawRequest(server.url, "/-/web/sources")).text(), /No source is configured/);
  });

  test("what was tampered with on the way is refused by name, and the rest arrives", async () => {
    const bytes = readFileSync(file);
    // The payload of the last tarball: two blocks of zeros, then its padding, stand behind it.
    const at = bytes.lastIndexOf(Buffer.from([0x1f, 0x8b]));
    bytes[at + 30] = (bytes[at + 30] ?? 0) ^ 1;
    writeFileSync(`${file}.bad.tar`, bytes);
    await using other = await createInstallation();
    writeFileSync(path.join(other.home, "assay.yaml"), "upstreams: {}\n");
    const imported = await assay(other, "import", `${file}.bad.tar`, `--trust=${vkey}`);
    assert.equal(imported.exitCode, 1);
    assert.match(imported.stdout, /✗ \S+: The copy of \S+@1\.0\.0 .* the bytes are sha512-/);
    assert.match(imported.stdout, new RegExp(`^${packages - 1} packages of the export`, "m"));
  });
});
