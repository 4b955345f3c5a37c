/**
 * The signature audits of real clients through a real Assay: `pnpm audit signatures`, `npm audit signatures`, and the
 * library below npm; green right after a cold install, red when a signature does not fit.
 */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { clients } from "@assay/testkit/clients";
import type { ClientName, ClientRun, InstallRequest } from "@assay/testkit/clients";
import { clientFile } from "@assay/testkit/clients-run";
import { upstreamOrSkip } from "@assay/testkit/configured-upstream";
import { installClients } from "@assay/testkit/install-clients";
import { rawRequest } from "@assay/testkit/raw-http";
import { createRegistrySigner, publishKeys, setSignatures } from "@assay/testkit/registry-signer";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { startTufRepository, type TufRepository } from "@assay/testkit/tuf-repository";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";

const fixture = path.join(import.meta.dirname, "../../testkit/fixtures/project-300/package.json");
const found = await upstreamOrSkip();
const signer = createRegistrySigner();
const names = ["one", "two", "three", "@acme/four"];

let folder: string;
let tuf: TufRepository;
let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

before(async () => {
  await installClients((line) => process.stdout.write(`${line}\n`));
  folder = mkdtempSync(path.join(tmpdir(), "assay-audits-"));
  const repository = path.join(folder, "tuf");
  mkdirSync(repository);
  tuf = await startTufRepository(repository, { "trusted_root.json": "{}" });
  upstream = await createTestUpstream();
  publishKeys(upstream, signer);
  for (const [at, name] of names.entries()) {
    const published = upstream.publish({
      name,
      version: "1.0.0",
      manifest: { dependencies: Object.fromEntries(names.slice(at + 1).map((other) => [other, "^1.0.0"])) },
    });
    setSignatures(upstream, name, "1.0.0", [signer.sign(published)]);
  }
  installation = await createInstallation();
  server = await start();
});

after(async () => {
  await server?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await installation?.[Symbol.asyncDispose]();
  await tuf?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Looks at the upstream each time, so that a change of its listing shows at once. */
const start = (): Promise<ServerProcess> =>
  startServer(installation, { config: `upstream: {url: "${upstream.url}"}\npackuments: {maxAgeSeconds: 0}\n` });

function requestFor(name: ClientName, registry: string, title: string): InstallRequest {
  const at = path.join(folder, `${title}-${name}`);
  const project = path.join(at, "project");
  mkdirSync(project, { recursive: true });
  const cache = path.join(at, "cache");
  return { registry, project, home: path.join(at, "home"), cache, env: tuf.env };
}

/** A project that depends on everything here, installed. */
async function installed(name: ClientName, title: string): Promise<InstallRequest> {
  const request = requestFor(name, server.url, title);
  const project = { name: "project", version: "1.0.0", dependencies: { one: "1.0.0" } };
  writeFileSync(path.join(request.project, "package.json"), JSON.stringify(project));
  return await install(name, request);
}

async function install(name: ClientName, request: InstallRequest): Promise<InstallRequest> {
  const run = await clients[name].install(request);
  assert.equal(run.exitCode, 0, run.output);
  tuf.seed(path.join(request.cache, "npm"));
  return request;
}

const audit = (name: ClientName, request: InstallRequest): Promise<ClientRun> =>
  clients[name].run(request, ["audit", "signatures"]);

const auditors = ["npm12", "pnpm12"] as const;

describe("right after a cold install", () => {
  for (const name of auditors) {
    test(`${name} audit signatures is green`, async () => {
      const run = await audit(name, await installed(name, "green"));
      assert.equal(run.exitCode, 0, run.output);
      assert.match(run.output, /4 packages have verified registry signatures|audited 4 packages/);
      assert.doesNotMatch(run.output, /missing|invalid/i);
    });
  }

  test("npm asked its own root of trust, and then us", async () => {
    const before = tuf.requests.length;
    const run = await audit("npm12", await installed("npm12", "asks"));
    assert.equal(run.exitCode, 0, run.output);
    assert.deepEqual(tuf.requests.slice(before), [
      "/2.root.json",
      "/timestamp.json",
      "/snapshot.json",
      "/targets.json",
    ]);
    assert.match(run.output, /Fetching directly from/);
  });

  for (const name of auditors) {
    test(
      `${name} audit signatures is green on a real project of over 300 packages`,
      { skip: "skip" in found ? found.skip : false },
      async () => {
        await using own = await createInstallation();
        await using assay = await startServer(own, { upstream: "upstream" in found ? found.upstream : "" });
        const request = requestFor(name, assay.url, "real");
        cpSync(fixture, path.join(request.project, "package.json"));
        const run = await audit(name, await install(name, request));
        assert.equal(run.exitCode, 0, run.output);
        const [, signed, audited] = /(\d+) packages have verified|audited (\d+) packages/.exec(run.output) ?? [];
        assert.ok(Number(signed ?? audited) > 300, run.output);
      },
    );
  }
});

describe("npm's library", () => {
  const load = createRequire(clientFile("npm12", "package.json"));
  const pacote = load("pacote") as {
    manifest(spec: string, options: object): Promise<{ readonly _signatures: readonly unknown[] }>;
  };

  async function verified(spec: string, change: (key: Record<string, unknown>) => object = (key) => key) {
    const { keys } = (await rawRequest(server.url, "/-/npm/v1/keys")).json() as { keys: Record<string, unknown>[] };
    const withPem = keys.map((key) => ({
      ...change(key),
      pemkey: `-----BEGIN PUBLIC KEY-----\n${String(key["key"])}\n-----END PUBLIC KEY-----`,
    }));
    const cache = mkdtempSync(path.join(folder, "pacote-"));
    return await pacote.manifest(spec, {
      registry: `${server.url}/`,
      [`//${new URL(server.url).host}/:_keys`]: withPem,
      verifySignatures: true,
      cache,
    });
  }

  test("accepts every signature with our keys, and none with an ended one", async () => {
    await installed("npm12", "pacote");
    for (const name of names) assert.equal((await verified(`${name}@1.0.0`))._signatures.length, 2);
    await assert.rejects(
      verified("one@1.0.0", (key) => ({ ...key, expires: "2015-01-01T00:00:00.000Z" })),
      { code: "EEXPIREDSIGNATUREKEY" },
    );
    await assert.rejects(
      verified("one@1.0.0", (key) => ({ ...key, keyid: "SHA256:other" })),
      { code: "EMISSINGSIGNATUREKEY" },
    );
  });

  test("refuses an upstream's signature that does not fit a bound version", async () => {
    await installed("npm12", "pacote-red");
    setSignatures(upstream, "one", "1.0.0", [signer.sign({ name: "one", version: "1.0.1", integrity: "x" })]);
    await assert.rejects(verified("one@1.0.0"), { code: "EINTEGRITYSIGNATURE" });
    const run = await audit("npm12", await installed("npm12", "red-theirs"));
    assert.equal(run.exitCode, 1, run.output);
    assert.match(run.output, /1 package has an invalid registry signature/);
    const published = upstream.document("one").versions["1.0.0"];
    assert.ok(published);
    const integrity = String(published.dist["integrity"]);
    setSignatures(upstream, "one", "1.0.0", [signer.sign({ name: "one", version: "1.0.0", integrity })]);
  });
});

describe("when somebody changes our signatures in the database", () => {
  before(async () => {
    for (const name of auditors) await installed(name, "tampered");
    await server.stop();
    const database = new DatabaseSync(path.join(installation.data, "assay.db"));
    const other = "(select sig from release_signatures where name = 'one')";
    const { changes } = database
      .prepare(`update release_signatures set sig = ${other} where name in ('two', 'three', '@acme/four')`)
      .run();
    database.close();
    assert.equal(changes, 3);
    // The upstream signs nothing any more: pnpm is content with one good signature.
    for (const name of names) setSignatures(upstream, name, "1.0.0", undefined);
    server = await start();
  });

  for (const name of auditors) {
    test(`${name} audit signatures is red, and names what is wrong`, async () => {
      const run = await audit(name, requestFor(name, server.url, "tampered"));
      assert.equal(run.exitCode, 1, run.output);
      for (const changed of ["two", "three", "@acme/four"])
        assert.ok(run.output.includes(`${changed}@1.0.0`), run.output);
      assert.ok(!run.output.includes("one@1.0.0"), run.output);
    });
  }
});
