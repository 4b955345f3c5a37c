/**
 * What people do with each client besides installing, against Assay and an upstream on this machine. What came out is
 * recorded, because docs/faq.md says which flows work and which do not.
 */
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { clients, forgetInstall } from "@assay/testkit/clients";
import type { Client, ClientName, ClientRun, InstallRequest } from "@assay/testkit/clients";
import { hostileArchives } from "@assay/testkit/hostile-archives";
import { installClients } from "@assay/testkit/install-clients";
import { assertRecorded } from "@assay/testkit/recorded";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";

/** Of each family the newest. */
const newest = ["npm12", "pnpm12", "yarn1", "yarn4", "bun", "deno", "vlt"] as const satisfies readonly ClientName[];
type Newest = (typeof newest)[number];

/** What a flow came to with a client. */
type Outcome =
  | "works"
  /** Refused here, and the client prints why. */
  | "refused with the reason"
  /** Refused here, and the client hides why. */
  | "refused without the reason"
  /** The client has no such command. */
  | "no such command"
  /** It installs, but fetches from the upstream itself, past Assay. */
  | "works past Assay"
  /** The client asks the registry that is built into it, whatever is configured. */
  | "asks elsewhere"
  | "fails";

/** A client at work, with an upstream and an Assay of its own. */
interface Scene {
  readonly client: Client;
  readonly upstream: TestUpstream;
  readonly server: ServerProcess;
  readonly installation: Installation;
  /** For projects, home and caches. */
  readonly folder: string;
  /** A project that the client installed once; never changed. */
  readonly model: InstallRequest;
}

interface Flow {
  readonly title: string;
  readonly play: (scene: Scene) => Promise<Outcome>;
  /** Why it does not work, by client, for people. */
  readonly why?: Readonly<Partial<Record<Newest, string>>>;
}

const ignoresRegistry =
  "once there is a lockfile, it asks the registry that is built into it, whatever is configured (1.0.0-rc.23)";
const registryOnly =
  "its lockfile holds whole URLs, and it fetches from no host but the registry's; entries of the registry that is built into npm it re-points itself";
const wholeUrls = "its lockfile holds whole URLs, and it fetches from where they point";
const statusOnly = "it prints the status and the URL; opened in a browser, that URL says why";

/** The words of each client for one thing, or why there are none. */
type Commands = { readonly [Name in Newest]: readonly string[] | "no such command" | "asks elsewhere" };

/** What adds a package to a project. */
function adding(name: string): Commands {
  return {
    npm12: ["install", name],
    pnpm12: ["add", name],
    yarn1: ["add", name],
    yarn4: ["add", name],
    bun: ["add", name],
    deno: ["add", "--minimum-dependency-age=0", `npm:${name}`],
    vlt: ["install", name],
  };
}

const commands = {
  add: adding("extra"),
  addBlocked: adding("blocked"),
  update: {
    npm12: ["update", "left"],
    pnpm12: ["update", "left"],
    yarn1: ["upgrade", "left"],
    yarn4: ["up", "left"],
    bun: ["update", "left"],
    deno: ["update", "--minimum-dependency-age=0", "left"],
    vlt: ["update"],
  },
  look: {
    npm12: ["view", "left", "version"],
    pnpm12: ["view", "left", "version"],
    yarn1: ["info", "left", "version"],
    yarn4: ["npm", "info", "left", "--fields", "version"],
    bun: ["info", "left", "version"],
    deno: "no such command",
    vlt: ["view", "left", "version"],
  },
  search: {
    npm12: ["search", "extra"],
    pnpm12: ["search", "extra"],
    yarn1: "no such command",
    yarn4: "no such command",
    bun: "no such command",
    deno: "no such command",
    vlt: "no such command",
  },
  outdated: {
    npm12: ["outdated"],
    pnpm12: ["outdated"],
    yarn1: ["outdated"],
    yarn4: "no such command",
    bun: ["outdated"],
    deno: ["outdated", "--minimum-dependency-age=0"],
    vlt: "no such command",
  },
  audit: {
    npm12: ["audit"],
    pnpm12: ["audit"],
    yarn1: "asks elsewhere",
    yarn4: ["npm", "audit", "--all", "--recursive"],
    bun: ["audit"],
    deno: ["audit"],
    vlt: "no such command",
  },
} satisfies Readonly<Record<string, Commands>>;

const flows: readonly Flow[] = [
  {
    title: "install",
    play: async (scene) => {
      const request = { ...scene.model, project: newProject(scene, "fresh"), cache: emptyCache(scene) };
      return installed(scene, request, await scene.client.install(request));
    },
  },
  {
    title: "install what the lockfile says, with nothing cached",
    why: { vlt: ignoresRegistry },
    play: (scene) => frozen(scene, copyOf(scene)),
  },
  { title: "look a package up", play: (scene) => says(scene, commands.look, /1\.0\.0/) },
  { title: "search", play: (scene) => says(scene, commands.search, /extra/) },
  {
    title: "add a package",
    why: { vlt: ignoresRegistry },
    play: (scene) => changes(scene, commands.add, { name: "extra", version: "1.0.0" }),
  },
  {
    title: "audit against advisories",
    why: { yarn1: "it asks its maker's registry, whatever is configured" },
    play: (scene) => {
      const advisory = { id: 1, url: "https://advisories.example.com/1", title: "Left is broken", severity: "high" };
      const more = { vulnerable_versions: "<1.1.0", cwe: [], cvss: { score: 0, vectorString: null } };
      const answer = JSON.stringify({ left: [{ ...advisory, ...more }] });
      scene.upstream.put("/-/npm/v1/security/advisories/bulk", answer, { "content-type": "application/json" });
      return says(scene, commands.audit, /Left is broken/);
    },
  },
  {
    title: "see what is outdated",
    play: (scene) => {
      scene.upstream.publish({ name: "left", version: "1.1.0" });
      return says(scene, commands.outdated, /1\.1\.0/);
    },
  },
  {
    title: "update to a newer version",
    why: { vlt: ignoresRegistry },
    play: (scene) => changes(scene, commands.update, { name: "left", version: "1.1.0" }),
  },
  {
    title: "be told why a version is refused",
    why: { pnpm12: statusOnly, yarn1: statusOnly, bun: statusOnly, vlt: ignoresRegistry },
    play: (scene) => refused(scene, commands.addBlocked, /Blocked blocked@1\.0\.0 by rule archive\//),
  },
  {
    title: "install from a lockfile that was made without Assay",
    why: { npm12: registryOnly, yarn1: wholeUrls, bun: wholeUrls, deno: wholeUrls, vlt: ignoresRegistry },
    play: (scene) => fromOutside(scene, nothing),
  },
  {
    title: "install from a lockfile that was made without Assay, after `assay lockfile rewrite`",
    why: { vlt: ignoresRegistry },
    play: (scene) => fromOutside(scene, rewrite),
  },
  {
    title: "install from the lockfile after Assay moved to another address",
    why: { npm12: registryOnly, yarn1: wholeUrls, bun: wholeUrls, deno: wholeUrls, vlt: ignoresRegistry },
    play: (scene) => afterMove(scene, nothing),
  },
  {
    title: "install from the lockfile after Assay moved to another address, after `assay lockfile rewrite`",
    why: { vlt: ignoresRegistry },
    play: (scene) => afterMove(scene, rewrite),
  },
  {
    title: "install from the lockfile while the upstream is down",
    why: { vlt: ignoresRegistry },
    play: async (scene) => {
      // Once while it is up, so that everything is bound.
      await frozen(scene, copyOf(scene));
      await scene.upstream[Symbol.asyncDispose]();
      return frozen(scene, copyOf(scene));
    },
  },
];

/** Runs a command in an installed project and looks for what it should say. */
async function says(scene: Scene, words: Commands, expected: RegExp): Promise<Outcome> {
  const parameters = words[scene.client.name as Newest];
  if (typeof parameters === "string") return parameters;
  const run = await scene.client.run(await ready(scene), parameters);
  return expected.test(run.output) ? "works" : "fails";
}

/** Runs a command in an installed project, after which this version is installed. */
async function changes(
  scene: Scene,
  words: Commands,
  wanted: { readonly name: string; readonly version: string },
): Promise<Outcome> {
  const parameters = words[scene.client.name as Newest];
  if (typeof parameters === "string") return parameters;
  const request = await ready(scene);
  // A client that cannot keep to its lockfile has the newest version before anybody asked for it.
  if (has(scene, request, wanted.name, wanted.version)) return "fails";
  const run = await scene.client.run(request, parameters);
  return run.exitCode === 0 && has(scene, request, wanted.name, wanted.version) ? "works" : "fails";
}

async function refused(scene: Scene, words: Commands, reason: RegExp): Promise<Outcome> {
  const parameters = words[scene.client.name as Newest];
  if (typeof parameters === "string") return parameters;
  const request = await ready(scene);
  const host = scene.server.url.slice("http:".length);
  writeFileSync(path.join(request.home, ".npmrc"), `${host}/:_authToken=a-token\n`);
  const env = { YARN_NPM_AUTH_TOKEN: "a-token", VLT_TOKEN: "a-token" };
  const run = await scene.client.run({ ...request, env }, parameters);
  rmSync(path.join(request.home, ".npmrc"));
  if (words === commands.addBlocked && scene.upstream.count("/blocked/-/blocked-1.0.0.tgz") === 0) return "fails";
  assert.notEqual(run.exitCode, 0, "it was not refused");
  return reason.test(run.output.replaceAll(/\s+/g, " ")) ? "refused with the reason" : "refused without the reason";
}

async function frozen(scene: Scene, request: InstallRequest): Promise<Outcome> {
  return installed(scene, request, await scene.client.install({ ...request, frozen: true }));
}

/** What is done to a lockfile before it is used at another registry. */
type Preparation = (scene: Scene, request: InstallRequest) => Promise<void>;

const nothing: Preparation = async () => {};

const rewrite: Preparation = async ({ client, installation }, { project, registry }) => {
  const lockfile = path.join(project, client.lockfile);
  const run = await runAssay(installation, ["lockfile", "rewrite", lockfile, `--to=${registry}`], project);
  assert.equal(run.exitCode, 0, `${run.stdout}${run.stderr}`);
};

/** The same project, installed straight from the upstream; its lockfile is then used through Assay. */
async function fromOutside(scene: Scene, prepare: Preparation): Promise<Outcome> {
  const { client, upstream } = scene;
  const request = { ...scene.model, project: newProject(scene, "outside"), cache: emptyCache(scene) };
  const straight = await client.install({ ...request, registry: upstream.url });
  assert.equal(straight.exitCode, 0, straight.output);
  forgetInstall(request.project, client, true);
  await prepare(scene, request);
  const before = upstream.requests.length;
  const outcome = await frozen(scene, { ...request, cache: emptyCache(scene) });
  const past = upstream.requests.slice(before).some(({ headers }) => headers["user-agent"] !== "assay");
  return outcome === "works" && past ? "works past Assay" : outcome;
}

/** Another Assay at another address takes over; the one that the lockfile was made with is gone. */
async function afterMove(scene: Scene, prepare: Preparation): Promise<Outcome> {
  const { client, upstream } = scene;
  const request = { ...scene.model, project: newProject(scene, "moved"), cache: emptyCache(scene) };
  {
    await using first = await createInstallation();
    await using old = await startServer(first, { upstream: upstream.url });
    const made = await client.install({ ...request, registry: old.url });
    assert.equal(made.exitCode, 0, made.output);
  }
  forgetInstall(request.project, client, true);
  await prepare(scene, request);
  return frozen(scene, { ...request, cache: emptyCache(scene) });
}

function installed(scene: Scene, request: InstallRequest, run: ClientRun): Outcome {
  return run.exitCode === 0 && has(scene, request, "left") ? "works" : "fails";
}

/** Whether a package is installed, in this version when one is given. */
function has({ client }: Scene, { project }: InstallRequest, name: string, version?: string): boolean {
  const manifest = path.join(project, "node_modules", name, "package.json");
  if (!existsSync(path.join(project, client.lockfile)) || !existsSync(manifest)) return false;
  const found = (JSON.parse(readFileSync(manifest, "utf8")) as { readonly version: string }).version;
  return version === undefined || found === version;
}

/** An own copy of the project as the client left it, with an empty cache. */
function copyOf(scene: Scene): InstallRequest {
  const project = newProject(scene, "copy");
  const { lockfile } = scene.client;
  copyFileSync(path.join(scene.model.project, lockfile), path.join(project, lockfile));
  return { ...scene.model, project, cache: emptyCache(scene) };
}

/** The same, installed. A client that cannot install from its lockfile installs without one. */
async function ready(scene: Scene): Promise<InstallRequest> {
  const request = copyOf(scene);
  const run = await scene.client.install(request);
  if (run.exitCode === 0) return request;
  forgetInstall(request.project, scene.client, false);
  assert.equal((await scene.client.install(request)).exitCode, 0);
  return request;
}

let made = 0;

function newProject({ folder }: Pick<Scene, "folder">, name: string): string {
  made += 1;
  const project = path.join(folder, `${name}-${made}`);
  mkdirSync(project, { recursive: true });
  const dependencies = { "@scope/tool": "^1.0.0", left: "^1.0.0" };
  writeFileSync(
    path.join(project, "package.json"),
    JSON.stringify({ name: "project", version: "1.0.0", dependencies }),
  );
  return project;
}

function emptyCache({ folder }: Pick<Scene, "folder">): string {
  made += 1;
  return path.join(folder, `cache-${made}`);
}

describe("what people do with each client", () => {
  const outcomes: Record<
    string,
    Record<string, { readonly outcome: Outcome; readonly why?: string | undefined }>
  > = Object.fromEntries(flows.map(({ title }) => [title, {}]));

  const lockfiles: Record<string, string> = {};

  before(() => installClients((line) => process.stdout.write(`${line}\n`)));

  for (const name of newest)
    describe(name, () => {
      let scene: Scene;
      let installation: Installation;

      before(async () => {
        const upstream = await createTestUpstream();
        publishAll(upstream);
        installation = await createInstallation();
        const config = path.join(installation.home, "assay.yaml");
        writeFileSync(config, "packuments:\n  maxAgeSeconds: 0\n");
        const server = await startServer(installation, { upstream: upstream.url, flags: [`--config=${config}`] });
        // Search finds what is known here.
        for (const each of ["extra", "left"]) await fetch(`${server.url}/${each}`);
        const folder = mkdtempSync(path.join(tmpdir(), "assay-flows-"));
        const client = clients[name];
        const model = {
          project: newProject({ folder }, "model"),
          home: path.join(folder, "home"),
          cache: emptyCache({ folder }),
          registry: server.url,
          timeoutSeconds: 60,
        };
        const run = await client.install(model);
        assert.equal(run.exitCode, 0, run.output);
        scene = { client, upstream, server, installation, folder, model };
      });

      after(async () => {
        await scene.server[Symbol.asyncDispose]();
        await scene.upstream[Symbol.asyncDispose]();
        await installation[Symbol.asyncDispose]();
        rmSync(scene.folder, { recursive: true, force: true, maxRetries: 3 });
      });

      test("where its lockfile points", () => {
        const { project } = scene.model;
        lockfiles[name] = whereItPoints(readFileSync(path.join(project, scene.client.lockfile), "utf8"), scene);
      });

      for (const { title, play, why = {} } of flows)
        test(title, async () => {
          const outcome = await play(scene);
          const isFine = ["works", "no such command", "refused with the reason"].includes(outcome);
          assert.equal(why[name] === undefined, isFine, `${outcome}, and the reason is ${why[name] ?? "missing"}`);
          (outcomes[title] ??= {})[name] = isFine ? { outcome } : { outcome, why: why[name] };
        });
    });

  after(() => {
    assertRecorded("client-flows", outcomes);
    assertRecorded("lockfiles", lockfiles);
  });
});

/** Whether a lockfile names the registry, whole tarball URLs, or neither. */
function whereItPoints(lockfile: string, { server }: Scene): string {
  const { host, port } = new URL(server.url);
  if (lockfile.includes(`${server.url}/left/-/left-1.0.0.tgz`)) return "the whole URL of each tarball";
  // vlt spells the address its own way in the names of packages.
  if (lockfile.includes(host) || lockfile.includes(port)) return "the address of the registry";
  return "no address";
}

function publishAll(upstream: TestUpstream): void {
  upstream.publish({
    name: "@scope/tool",
    version: "1.0.0",
    manifest: { bin: { tool: "tool.js" }, dependencies: { left: "^1.0.0" } },
    files: { "tool.js": "#!/usr/bin/env node\n" },
  });
  for (const name of ["left", "extra"]) upstream.publish({ name, version: "1.0.0" });
  const hostile = { name: "blocked", version: "1.0.0" };
  const tarball = hostileArchives(hostile)["symbolic link"];
  assert.ok(tarball !== undefined);
  upstream.publish({ ...hostile, tarball });
}
