/**
 * The pnpm hook and the Yarn plugin in the real clients: an install passes, and one through a mirror that lies about
 * bytes, or about the log, fails with a sentence that says so before anything of it runs.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { clients, forgetInstall, type ClientName } from "@assay/testkit/clients";
import type { ClientRun } from "@assay/testkit/clients-run";
import { installClients } from "@assay/testkit/install-clients";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { packageTgz } from "@assay/testkit/tarball";
import { createTestUpstream, type TestUpstream } from "@assay/testkit/upstream";

const repository = path.join(import.meta.dirname, "..", "..", "..");
const pnpms: readonly ClientName[] = ["pnpm10", "pnpm11", "pnpm12"];

let folder: string;
let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let mirror: Mirror;

/** Passes everything on to Assay, but for the answers that a test changes. */
interface Mirror {
  readonly url: string;
  readonly server: Server;
  /** Given the path of a GET or POST and the true answer; undefined: the truth. */
  lie: (path: string, truth: Buffer) => Buffer | undefined;
}

describe("client plugins", () => {
  before(async () => {
    await installClients((line) => process.stdout.write(`${line}\n`));
    folder = mkdtempSync(path.join(tmpdir(), "assay-plugins-"));
    await promisify(execFile)(process.execPath, [
      path.join(repository, "tools/publish/verify.ts"),
      path.join(folder, "built"),
    ]);
    upstream = await createTestUpstream();
    upstream.publish({ name: "plain", version: "1.0.0" });
    upstream.publish({ name: "@acme/lib", version: "2.0.0", manifest: { dependencies: { plain: "^1.0.0" } } });
    installation = await createInstallation();
    server = await startServer(installation, { upstream: upstream.url });
    mirror = await startMirror();
  });

  after(async () => {
    mirror?.server.closeAllConnections();
    mirror?.server.close();
    await server?.[Symbol.asyncDispose]();
    await installation?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const name of [...pnpms, "yarn4"] as const) {
    test(`${name}: an install that the log binds passes, fresh, frozen and from the cache`, async () => {
      const project = await newProject(name, "good");
      for (const [frozen, cache] of [
        [false, "first"],
        [true, "second"],
        [true, "second"],
      ] as const) {
        const run = await install(name, project, { frozen, cache });
        assert.equal(run.exitCode, 0, run.output);
        assert.ok(existsSync(path.join(project, "node_modules", "plain", "package.json")));
        forgetInstall(project, clients[name], true);
      }
    });

    test(`${name}: other bytes than the log binds are refused before they are linked`, async () => {
      const project = await newProject(name, "bytes");
      const evil = Buffer.from(packageTgz({ name: "plain", version: "1.0.0", scripts: { install: "touch evil" } }));
      mirror.lie = (place, truth) => {
        if (place === "/plain/-/plain-1.0.0.tgz") return evil;
        return place === "/plain" ? withDigestOf(evil, truth) : undefined;
      };
      const run = await install(name, project, { frozen: false, cache: "lies" });
      assert.notEqual(run.exitCode, 0, run.output);
      assert.match(
        run.output,
        name === "yarn4"
          ? /Assay refuses plain@1\.0\.0: the registry served sha512-/
          : /plain@1\.0\.0 has other bytes than the log/,
      );
      assert.ok(!existsSync(path.join(project, "node_modules", "plain")), "it was linked");
    });

    test(`${name}: a record that was changed on the way proves nothing`, async () => {
      const project = await newProject(name, "record");
      mirror.lie = (place, truth) =>
        place === "/-/log/bundle" ? Buffer.from(truth.toString().replace(/\\nsize \d+\\n/, "\\nsize 1\\n")) : undefined;
      const run = await install(name, project, { frozen: false, cache: "lies" });
      assert.notEqual(run.exitCode, 0, run.output);
      assert.match(run.output, /Assay refuses this install/);
      assert.match(run.output, /its proof does not lead to the root that the log signed/);
    });

    test(`${name}: also what is in the client's cache must be in the log`, async () => {
      const project = await newProject(name, "cached");
      const good = await install(name, project, { frozen: false, cache: "kept" });
      assert.equal(good.exitCode, 0, good.output);
      forgetInstall(project, clients[name], true);
      mirror.lie = (place, truth) =>
        place === "/-/log/bundle" ? Buffer.from(truth.toString().replace(/\\nsize \d+\\n/, "\\nsize 1\\n")) : undefined;
      const run = await install(name, project, { frozen: true, cache: "kept" });
      assert.notEqual(run.exitCode, 0, run.output);
      assert.match(run.output, /its proof does not lead to the root that the log signed/);
    });

    test(`${name}: without a trust file nothing is installed`, async () => {
      const project = await newProject(name, "untrusted");
      rmSync(path.join(project, "assay.trust.json"));
      const run = await install(name, project, { frozen: false, cache: "good" });
      assert.notEqual(run.exitCode, 0);
      assert.match(run.output, /has no assay\.trust\.json; assay trust init writes one/);
      assert.ok(!existsSync(path.join(project, "node_modules", "plain")), "it was linked");
    });
  }

  for (const name of pnpms) {
    test(`${name}: with a lockfile that was poisoned, a frozen install is refused before anything is fetched`, async () => {
      const project = await newProject(name, "poisoned");
      const good = await install(name, project, { frozen: false, cache: "good" });
      assert.equal(good.exitCode, 0, good.output);
      forgetInstall(project, clients[name], true);
      const file = path.join(project, clients[name].lockfile);
      const poisoned = readFileSync(file, "utf8").replace(
        /(plain@1\.0\.0'?:\n {4}resolution: \{integrity: )[^}]+/,
        `$1sha512-${"e".repeat(85)}A==`,
      );
      writeFileSync(file, poisoned);
      const asked = upstream.requests.length;
      const run = await install(name, project, { frozen: true, cache: "poisoned" });
      assert.notEqual(run.exitCode, 0, run.output);
      assert.match(run.output, /plain@1\.0\.0 has other bytes than the log: sha512- ?e{10}/);
      assert.equal(upstream.requests.length, asked);
    });
  }

  test("pnpm12 takes the hook as a configuration dependency too", async () => {
    const project = await newProject("pnpm12", "dependency");
    rmSync(path.join(project, ".pnpmfile.cjs"));
    const built = path.join(folder, "built", "pnpm-plugin-verify");
    const plugin = "@assay/pnpm-plugin-verify";
    const manifest = JSON.parse(readFileSync(path.join(built, "package.json"), "utf8")) as { version: string };
    const files = { "pnpmfile.cjs": readFileSync(path.join(built, "pnpmfile.cjs")) };
    const { integrity, version } = upstream.publish({ name: plugin, version: manifest.version, files });
    const settings = `configDependencies:\n  '${plugin}': ${version}+${integrity}\n`;
    mirror.lie = (place, truth) =>
      place === "/-/log/bundle" ? Buffer.from(truth.toString().replace(/\\nsize \d+\\n/, "\\nsize 1\\n")) : undefined;
    const refused = await install("pnpm12", project, { frozen: false, cache: "config", settings });
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.output, /Assay refuses this install/);
    mirror.lie = () => undefined;
    const good = await install("pnpm12", project, { frozen: false, cache: "config", settings });
    assert.equal(good.exitCode, 0, good.output);
  });
});

/** A project with the plugin of its client and the trust file of Assay's log. */
async function newProject(name: ClientName, as: string): Promise<string> {
  mirror.lie = () => undefined;
  const project = path.join(folder, `${name}-${as}`);
  mkdirSync(project);
  const manifest = { name: "project", version: "1.0.0", dependencies: { "@acme/lib": "2.0.0", plain: "1.0.0" } };
  writeFileSync(path.join(project, "package.json"), JSON.stringify(manifest));
  const { logs } = (await (await fetch(`${server.url}/-/log/`)).json()) as { logs: { vkey: string }[] };
  const trust = { format: "assay-trust/v2", logs: logs.map(({ vkey }) => ({ vkey })) };
  writeFileSync(path.join(project, "assay.trust.json"), JSON.stringify(trust));
  const plugin = name === "yarn4" ? "assay-yarn.cjs" : "assay-pnpm.cjs";
  cpSync(path.join(folder, "built", "verify", "plugins", plugin), path.join(project, plugin));
  if (name !== "yarn4")
    writeFileSync(path.join(project, ".pnpmfile.cjs"), `module.exports = require("./${plugin}");\n`);
  return project;
}

interface Options {
  readonly frozen: boolean;
  readonly cache: string;
  /** More lines of the client's settings file. */
  readonly settings?: string;
}

/** As the driver of the client does it, with the plugin in its settings, through the mirror. */
async function install(
  name: ClientName,
  project: string,
  { frozen, cache, settings = "" }: Options,
): Promise<ClientRun> {
  const more = name === "yarn4" ? `plugins:\n  - ./assay-yarn.cjs\n` : settings;
  const where = { project, home: `${project}-home`, cache: `${project}-${cache}` };
  const run = await clients[name].install({ ...where, registry: mirror.url, frozen, moreSettings: more });
  // pnpm 12 breaks its lines in the middle of words.
  return { ...run, output: run.output.replaceAll(/\n {6,}/g, name === "pnpm12" ? " " : "\n") };
}

function withDigestOf(tarball: Buffer, truth: Buffer): Buffer {
  const document = JSON.parse(truth.toString()) as { versions: Record<string, { dist: Record<string, unknown> }> };
  for (const manifest of Object.values(document.versions)) {
    manifest.dist["integrity"] = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    manifest.dist["shasum"] = createHash("sha1").update(tarball).digest("hex");
  }
  return Buffer.from(JSON.stringify(document));
}

async function startMirror(): Promise<Mirror> {
  const proxy = createServer((request, response) => {
    void passOn(request.method ?? "GET", request.url ?? "/", request).then(
      ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    );
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const state: Mirror = { url, server: proxy, lie: () => undefined };

  async function passOn(method: string, place: string, request: AsyncIterable<Buffer>) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length === 0 ? null : Buffer.concat(chunks);
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${server.url}${place}`, { method, body, ...(body === null ? {} : { headers }) });
    const type = answer.headers.get("content-type") ?? "application/octet-stream";
    const bytes = Buffer.from(await answer.arrayBuffer());
    const truth = type.includes("json") ? Buffer.from(bytes.toString().replaceAll(server.url, url)) : bytes;
    return { status: answer.status, type, body: state.lie(decodeURIComponent(place), truth) ?? truth };
  }
  return state;
}
