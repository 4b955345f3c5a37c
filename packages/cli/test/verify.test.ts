import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { startTinyLogServer, type TinyLogServer } from "@assay/testkit/tiny-log-server";
import { emptyFolder, runAssay, type Ran } from "./run-assay.ts";

const names = ["alpha", "@scope/beta", "gamma"];

interface Project {
  readonly folder: string;
  readonly server: TinyLogServer;
  readonly vkey: string;
  readonly verify: (...args: readonly string[]) => Promise<Ran>;
}

/** A folder with a lockfile of three packages, all bound in the log of a running registry. */
async function project(context: TestContext): Promise<Project> {
  const log = await createTinyLog({});
  for (const name of names) log.bind(name, "1.0.0", integrityOf(name));
  const server = await startTinyLogServer(log);
  context.after(() => server[Symbol.asyncDispose]());
  const folder = await emptyFolder(context);
  await writeLockfile(folder, names);
  const env = { npm_config_registry: `${server.url}/` };
  const verify = (...args: readonly string[]) => runAssay(folder, ["verify", ...args], env);
  return { folder, server, vkey: log.vkey, verify };
}

async function writeLockfile(folder: string, packages: readonly string[], extra: object = {}): Promise<void> {
  const entries = packages.map((name) => [`node_modules/${name}`, { version: "1.0.0", integrity: integrityOf(name) }]);
  const lockfile = { lockfileVersion: 3, packages: { ...Object.fromEntries(entries), ...extra } };
  await writeFile(join(folder, "package-lock.json"), JSON.stringify(lockfile));
}

test("passes on a lockfile that the log binds, and keeps the checkpoint below the home", async (context) => {
  const { verify, vkey, server, folder } = await project(context);
  const first = await verify("--trust", vkey);
  assert.deepEqual([first.code, first.stderr], [0, ""]);
  assert.ok(first.stdout.startsWith(`${join(folder, "package-lock.json")} (npm 3)\n\n✓ 3 verified\n`), first.stdout);
  assert.match(first.stdout, /3 entries: the first checkpoint of this log seen here\./);
  server.log.bind("later", "1.0.0", integrityOf("later"));
  assert.match((await verify("--trust", vkey)).stdout, /4 entries: extends the last checkpoint seen/);
  const other = await verify("--trust", vkey, "--state", join(folder, "own"));
  assert.match(other.stdout, /the first checkpoint of this log seen here/);
});

test("fails on one changed character, and names the package, both digests and the record", async (context) => {
  const { verify, vkey, folder } = await project(context);
  const path = join(folder, "package-lock.json");
  const good = integrityOf("alpha");
  const evil = `${good.slice(0, 30)}${good[30] === "A" ? "B" : "A"}${good.slice(31)}`;
  await writeFile(path, (await readFile(path, "utf8")).replace(good, evil));
  const { code, stdout } = await verify("--trust", vkey);
  assert.equal(code, 1);
  assert.match(stdout, /✗ 1 mismatching/);
  for (const words of ["alpha@1.0.0 at node_modules/alpha", evil, good, "record 0 of", "Do not install"])
    assert.ok(stdout.includes(words), words);
});

test("without trust it checks nothing, exits 2, shows the key and both ways to pin it", async (context) => {
  const { verify, vkey, folder, server } = await project(context);
  const { code, stdout, stderr } = await verify();
  assert.deepEqual([code, stdout], [2, ""]);
  assert.ok(stderr.includes(`assay verify --trust '${vkey}'`));
  assert.deepEqual(server.requests, ["GET /-/log/"]);
  const shown = stderr.slice(stderr.indexOf("{\n"));
  await mkdir(join(folder, ".git"));
  await writeFile(join(folder, "assay.trust.json"), shown);
  assert.equal((await verify()).code, 0);
});

test("finds the trust file above the lockfile, but not above the repository", async (context) => {
  const { folder, vkey, server } = await project(context);
  const trust = JSON.stringify({ format: "assay-trust/v1", logs: [{ vkey }] });
  await writeFile(join(folder, "assay.trust.json"), trust);
  const inner = join(folder, "repository", "app");
  await mkdir(inner, { recursive: true });
  await writeLockfile(inner, names);
  const args = ["verify", join(inner, "package-lock.json"), "--registry", server.url];
  assert.equal((await runAssay(folder, args)).code, 2, "no repository: only the folder itself counts");
  await mkdir(join(folder, "repository", ".git"));
  assert.equal((await runAssay(folder, args)).code, 2, "it stands above the repository");
  await writeFile(join(folder, "repository", "assay.trust.json"), trust);
  assert.equal((await runAssay(folder, args)).code, 0);
});

test("looks up what is missing and reports what the registry does not have", async (context) => {
  const { verify, vkey, folder, server } = await project(context);
  await writeLockfile(folder, [...names, "delta", "nowhere"]);
  server.catalogue.set("delta@1.0.0", integrityOf("delta"));
  const { code, stdout, stderr } = await verify("--trust", vkey);
  assert.deepEqual([code, stderr], [1, ""]);
  assert.match(stdout, /✓ 4 verified/);
  assert.match(stdout, /✗ 1 missing[^]*nowhere@1\.0\.0: nowhere@1\.0\.0 was not found/);
});

test("under another log's key nothing is verified, and the reason is said once", async (context) => {
  const { verify, server } = await project(context);
  const other = await createTinyLog({ origin: "log.example.com/other" });
  const { code, stdout } = await verify("--trust", other.vkey);
  assert.equal(code, 1);
  const reason = `the log ${server.log.origin} is not trusted; pin its vkey to accept it`;
  const [, named = ""] = stdout.split(`✗ 3 missing: not proven to be in a trusted log\n    ${reason}:\n      `);
  const [row = ""] = named.split("\n", 1);
  assert.deepEqual(row.split(", ").sort(), ["@scope/beta@1.0.0", "alpha@1.0.0", "gamma@1.0.0"]);
  assert.match(stdout, /✓ 0 verified/);
});

test("prints the whole report as JSON", async (context) => {
  const { verify, vkey, folder } = await project(context);
  const { code, stdout } = await verify("--trust", vkey, "--json");
  assert.equal(code, 0);
  const report = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(report["ok"], true);
  assert.equal(report["lockfile"], join(folder, "package-lock.json"));
  assert.equal((report["verified"] as unknown[]).length, 3);
  assert.equal((report["checkpoints"] as { consistency: string }[])[0]?.consistency, "first");
});

test("a saved bundle does without the registry, and a changed one is refused", async (context) => {
  const { verify, vkey, folder, server } = await project(context);
  assert.equal((await verify("--trust", vkey, "--write-bundle", "proofs.json")).code, 0);
  const asked = server.requests.length;
  const args = ["--trust", vkey, "--offline", "proofs.json"];
  assert.equal((await verify(...args)).code, 0);
  const path = join(folder, "proofs.json");
  await writeFile(path, (await readFile(path, "utf8")).replace("size 1234", "size 1235"));
  const forged = await verify(...args);
  assert.equal(forged.code, 1);
  assert.match(forged.stdout, /✗ 1 refused/);
  await writeFile(path, "{}");
  assert.equal((await verify(...args)).code, 2);
  assert.equal((await verify("--offline", "proofs.json")).code, 2, "no trust, and nobody is asked");
  assert.equal(server.requests.length, asked);
});

test("a fork prints both signed notes as evidence, also as JSON", async (context) => {
  const { verify, vkey, server } = await project(context);
  assert.equal((await verify("--trust", vkey)).code, 0);
  const before = await server.log.checkpoint();
  const fork = server.log.fork(0);
  for (const name of [...names, "more"]) fork.bind(name, "1.0.0", integrityOf(`${name}!`));
  server.log = fork;
  const { code, stdout, stderr } = await verify("--trust", vkey);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /signed two histories that exclude each other/);
  for (const note of [before, await fork.checkpoint()]) assert.ok(stderr.includes(note));
  const json = await verify("--trust", vkey, "--json");
  const { error } = JSON.parse(json.stdout) as { error: { code: string; evidence: { older: string } } };
  assert.deepEqual([json.code, error.code, error.evidence.older], [1, "MISBEHAVIOUR", before]);
});

test("what cannot be verified fails until it is allowed by name", async (context) => {
  const { verify, vkey, folder } = await project(context);
  const git = { version: "1.0.0", resolved: "git+ssh://git@code.example.com/o/tool.git#00" };
  await writeLockfile(folder, names, { "node_modules/tool": git });
  const refused = await verify("--trust", vkey);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /✗ 1 unverifiable\n {4}tool@1\.0\.0 at node_modules\/tool: comes from git/);
  const allowed = await verify("--trust", vkey, "--allow", "tool");
  assert.equal(allowed.code, 0);
  assert.match(allowed.stdout, /! 1 unverifiable, allowed/);
});

test("wrong use exits 2 with what to do: no lockfile, version 1, a wrong key, another client's file", async (context) => {
  const folder = await emptyFolder(context);
  const failing = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await runAssay(folder, ["verify", ...args]);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(await failing(), /npm-shrinkwrap\.json or package-lock\.json in .* was not found/);
  await writeFile(join(folder, "yarn.lock"), "");
  assert.match(await failing(), /there is a yarn\.lock, which cannot be read yet/);
  assert.match(await failing("yarn.lock"), /^assay: yarn\.lock cannot be read yet; supported are /);
  assert.match(await failing("."), /^assay: The lockfile .* is a folder; name a file\.$/m);
  await writeFile(join(folder, "package-lock.json"), `{"lockfileVersion":1,"dependencies":{}}`);
  assert.match(await failing(), /npm install --package-lock-only --lockfile-version 3/);
  await writeLockfile(folder, names);
  assert.match(await failing("--trust", "nonsense"), /trust|key/i);
  assert.match(await failing("--registry", "ftp://x"), /not an http or https URL/);
  assert.match(await failing("--frobnicate"), /unknown option/);
  assert.match(await failing("a", "b"), /too many arguments/);
});

test("a registry that is not there fails the check and is named", async (context) => {
  const { vkey, folder } = await project(context);
  const args = ["verify", "--trust", vkey, "--registry", "http://127.0.0.1:1"];
  const { code, stderr } = await runAssay(folder, args);
  assert.equal(code, 1);
  assert.match(stderr, /The log at http:\/\/127\.0\.0\.1:1\/-\/log\/bundle cannot be read/);
});

test("takes the registry from the project's .npmrc, with variables in it", async (context) => {
  const { folder, vkey, server } = await project(context);
  await writeFile(join(folder, "package.json"), "{}");
  await writeFile(join(folder, ".npmrc"), "registry=http://127.0.0.1:1\nregistry = ${WHERE}/\n");
  const { code } = await runAssay(folder, ["verify", "--trust", vkey], { WHERE: server.url });
  assert.equal(code, 0);
});
