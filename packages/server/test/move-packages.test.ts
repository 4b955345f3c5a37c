/** Packages move from a real Verdaccio, from its folder beside a running server, and over its network interface. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { clients } from "@assay/testkit/clients";
import { rawRequest } from "@assay/testkit/raw-http";
import { runAssay, type CommandResult } from "@assay/testkit/server-process";
import { installVerdaccio, startVerdaccio, type Verdaccio } from "@assay/testkit/verdaccio";
import { publishBody, startPublisher, type Publisher } from "./publisher.ts";

const more = `  - {names: ["acme-*"], organisation: acme}\n`;
let verdaccio: Verdaccio;
let token = "";
let publisher: Publisher;

before(async () => {
  await installVerdaccio((line) => void process.stderr.write(`${line}\n`));
  verdaccio = await startVerdaccio({ access: "$authenticated" });
  const answer = await rawRequest(verdaccio.url, "/-/user/org.couchdb.user:ada", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "ada", password: "correct horse battery" }),
  });
  token = answer.json()["token"] as string;
  publisher = await startPublisher(more);
  const project = projectOf("work", { name: "@acme/one", version: "1.0.0" });
  writeFileSync(path.join(project, "README.md"), "# one\n");
  await npm("publish");
  await publish("@acme/one", "1.1.0", {});
  await publish("@acme/one", "1.2.0", {});
  await publish("@acme/one", "2.0.0-beta.1", {}, "next");
  await publish("@acme/two", "0.1.0", { dependencies: { "@acme/one": "^1.0.0" }, bin: { two: "index.js" } });
  await publish("acme-plain", "1.0.0", { scripts: { postinstall: "node index.js" } });
  await npm("deprecate", "@acme/one@1.0.0", "use 1.1.0");
  await npm("unpublish", "@acme/one@1.2.0");
  await put("/-/package/@acme%2fone/dist-tags/latest", "1.1.0");
  await put("/-/package/@acme%2fone/dist-tags/stable", "1.0.0");
});
after(async () => {
  await publisher[Symbol.asyncDispose]();
  await verdaccio[Symbol.asyncDispose]();
});

function projectOf(name: string, manifest: object): string {
  const folder = path.join(publisher.installation.home, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
  return folder;
}

const npmIn = (registry: string, secret: string, project: string) => ({
  registry,
  project,
  home: path.join(publisher.installation.home, "npm"),
  cache: path.join(project, "..", `cache-${path.basename(project)}`),
  env: { [`npm_config_//${registry.slice("http://".length)}/:_authToken`]: secret },
});

async function npm(...parameters: readonly string[]): Promise<void> {
  const project = path.join(publisher.installation.home, "work");
  const run = await clients.npm12.run(npmIn(verdaccio.url, token, project), parameters);
  assert.equal(run.exitCode, 0, run.output);
}

/** As npm publishes, with a readme. */
async function publish(name: string, version: string, manifest: object, tag = "latest"): Promise<void> {
  const body = publishBody({ name, version, ...manifest }, { tag });
  const tarball = `${verdaccio.url}/${name}/-/${name}-${version}.tgz`;
  Object.assign(body.versions[version] ?? {}, { readme: `# ${name}\n` });
  Object.assign(body.versions[version]?.["dist"] ?? {}, { tarball });
  await put(`/${name.replace("/", "%2f")}`, body);
}

async function put(at: string, body: unknown): Promise<void> {
  const answer = await rawRequest(verdaccio.url, at, {
    method: "PUT",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 201, answer.text());
}

function assay(...parameters: readonly string[]): Promise<CommandResult> {
  const { installation } = publisher;
  return runAssay(installation, ["import", ...parameters, `--data=${installation.data}`]);
}

const shown = async (name: string): Promise<Record<string, Record<string, unknown>>> =>
  (await publisher.ask("GET", `/${name.replace("/", "%2f")}`)).json() as never;

test("all that Verdaccio published comes from its folder beside a running server, and a lockfile goes on", async () => {
  const before = projectOf("before", {
    name: "before",
    private: true,
    dependencies: { "@acme/two": "0.1.0", "acme-plain": "1.0.0" },
  });
  const first = await clients.npm12.install(npmIn(verdaccio.url, token, before));
  assert.equal(first.exitCode, 0, first.output);

  const moved = await assay("verdaccio", verdaccio.storage);
  assert.equal(moved.exitCode, 0, moved.stdout + moved.stderr);
  assert.match(moved.stdout, /5 versions came now/);
  assert.match(moved.stdout, /imported 5 versions of 3 packages; 0 differ\n$/);

  const there = JSON.parse(readFileSync(path.join(verdaccio.storage, "@acme", "one", "package.json"), "utf8"));
  const one = await shown("@acme/one");
  assert.deepEqual(one["dist-tags"], { latest: "1.1.0", next: "2.0.0-beta.1", stable: "1.0.0" });
  assert.deepEqual(Object.keys(one["versions"] ?? {}).sort(), ["1.0.0", "1.1.0", "2.0.0-beta.1"]);
  for (const at of ["created", "1.0.0", "1.1.0", "2.0.0-beta.1"]) assert.equal(one["time"]?.[at], there.time[at], at);
  const versions = one["versions"] as Record<string, { deprecated?: string; dist: { integrity: string } }>;
  assert.equal(versions["1.0.0"]?.deprecated, "use 1.1.0");
  assert.equal(versions["1.1.0"]?.dist.integrity, there.versions["1.1.0"].dist.integrity);
  assert.equal(one["readme"], "# @acme/one\n");
  // What the configuration says of the names: @acme/* is public, acme-* is not.
  assert.equal((await rawRequest(publisher.server.url, "/@acme%2fone")).status, 200);
  assert.equal((await rawRequest(publisher.server.url, "/acme-plain")).status, 404);

  const again = await assay("verdaccio", verdaccio.storage, "--json");
  assert.equal(again.exitCode, 0, again.stdout + again.stderr);
  const { brought, versions: count, differences } = JSON.parse(again.stdout);
  assert.deepEqual({ brought, count, differences }, { brought: 0, count: 5, differences: [] });

  const lockfile = path.join(before, "package-lock.json");
  const pinned = clients.npm12.integrities(before);
  assert.equal(pinned.size, 3);
  const moving = readFileSync(lockfile, "utf8").replaceAll(verdaccio.url, publisher.server.url);
  writeFileSync(lockfile, moving);
  rmSync(path.join(before, "node_modules"), { recursive: true });
  rmSync(path.join(before, "..", "cache-before"), { recursive: true });
  const installed = await clients.npm12.install({
    ...npmIn(publisher.server.url, publisher.token, before),
    frozen: true,
  });
  assert.equal(installed.exitCode, 0, installed.output);
  assert.deepEqual(clients.npm12.integrities(before), pinned);
});

test("the same over the network, with a token; what has no organisation here is refused with a sentence", async () => {
  const file = path.join(publisher.installation.home, "token");
  writeFileSync(file, `${token}\n`);
  const none = await assay("registry", verdaccio.url, "--names", "@acme/*");
  assert.equal(none.exitCode, 2, none.stdout + none.stderr);
  assert.match(none.stderr, /lists no package @acme\/\* to who shows no token/);
  const hidden = await assay("registry", verdaccio.url, "--names", "@acme/one");
  assert.equal(hidden.exitCode, 1, hidden.stdout + hidden.stderr);
  assert.match(hidden.stderr, /answers 401; give a token that may read there/);

  await publish("@acme/three", "3.0.0", {});
  await publish("@other/thing", "1.0.0", {});
  const moved = await assay("registry", verdaccio.url, "--names", "@acme/*", "@other/*", "--token-file", file);
  assert.equal(moved.exitCode, 1, moved.stdout + moved.stderr);
  assert.match(moved.stdout, /✗ @other\/thing \(import\/no-organisation\): no organisation here has this name/);
  assert.match(moved.stdout, /1 versions came now/);
  assert.match(moved.stdout, /imported 5 versions of 3 packages; 0 differ, 1 not taken\n$/);
  assert.deepEqual((await shown("@acme/three"))["dist-tags"], { latest: "3.0.0" });
});
