import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { startTinyLogServer, type TinyLogServer } from "@assay/testkit/tiny-log-server";
import { checkEvidence, type Evidence } from "@assay/verify";
import { sha256 } from "@assay/verify/node";
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
  assert.ok(first.stdout.startsWith(`${join(folder, "package-lock.json")} (npm 3)\n\n✓ 3 verified: `), first.stdout);
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
  const { verify, vkey, server } = await project(context);
  const { code, stdout, stderr } = await verify();
  assert.deepEqual([code, stdout], [2, ""]);
  assert.ok(stderr.includes(`assay verify --trust '${vkey}'`));
  assert.deepEqual(server.requests, ["GET /-/log/"]);
  assert.ok(stderr.includes(`assay trust init --registry ${server.url}`));
  assert.match(stderr, /SHA256:[A-Za-z0-9+/]{43}\n/);
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
  assert.equal((await verify("--trust", vkey, "--save-bundle", "proofs.json")).code, 0);
  const asked = server.requests.length;
  const args = ["--trust", vkey, "--offline", "--bundle", "proofs.json"];
  assert.equal((await verify("--trust", vkey, "--offline", "proofs.json")).code, 0);
  assert.match((await verify("--trust", vkey, "--offline")).stderr, /--offline needs a bundle/);
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
  await writeLockfile(folder, [...names, "delta"]);
  await verify("--trust", vkey, "--save-bundle", "proofs.json");
  const online = await verify("--trust", vkey, "--bundle", "proofs.json");
  assert.match(online.stdout, /✗ 1 missing[^]*delta@1\.0\.0: it is not in the bundle/);
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
  for (const note of [before, await fork.checkpoint()]) {
    // In the evidence a note is a JSON string.
    const [, root = ""] = /^.*\n\d+\n(.*)\n/.exec(note) ?? [];
    assert.ok(stderr.includes(root), root);
  }
  const json = await verify("--trust", vkey, "--json");
  const { error } = JSON.parse(json.stdout) as { error: { code: string; evidence: Evidence } };
  assert.deepEqual([json.code, error.code, error.evidence["kind"]], [1, "MISBEHAVIOUR", "fork"]);
  const verdict = await checkEvidence({ sha256 }, error.evidence);
  assert.deepEqual(verdict, { holds: true, convicts: true, kind: "fork" });
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

test("wrong use exits 2 with what to do: no lockfile, an ancient one, several, a wrong key", async (context) => {
  const folder = await emptyFolder(context);
  const failing = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await runAssay(folder, ["verify", ...args]);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(await failing(), /A lockfile \(npm-shrinkwrap\.json, package-lock\.json, .*\) in .* was not found/);
  await writeFile(join(folder, "bun.lockb"), "");
  assert.match(await failing(), /there is a bun\.lockb; write it as text with bun install --save-text-lockfile/);
  assert.match(await failing("bun.lockb"), /bun\.lockb cannot be read/);
  assert.match(await failing("other.json"), /other\.json was not found/);
  await writeFile(join(folder, "other.json"), "{}");
  assert.match(await failing("other.json"), /other\.json is no lockfile; known are /);
  await writeFile(join(folder, "package-lock.json"), `{"dependencies":{}}`);
  assert.match(await failing(), /npm install --package-lock-only/);
  await writeLockfile(folder, names);
  assert.match(await failing("--trust", "nonsense"), /trust|key/i);
  assert.match(await failing("--registry", "ftp://x"), /not an http or https URL/);
  assert.match(await failing("--accept", "everything"), /known: through-record/);
  assert.match(await failing("--all", "package-lock.json"), /--all takes a folder/);
  assert.match(await failing("--frobnicate"), /unknown option/);
  assert.match(await failing("a", "b"), /too many arguments/);
  await writeFile(join(folder, "yarn.lock"), "# yarn lockfile v1\n");
  assert.match(await failing(), /Several lockfiles are in .*: package-lock\.json, yarn\.lock\. Name the one/);
});

test("takes a folder, the lockfile of another client by its name, and every lockfile below with --all", async (context) => {
  const { verify, vkey, folder } = await project(context);
  const pnpm = names.map((name) => `  '${name}@1.0.0':\n    resolution: {integrity: ${integrityOf(name)}}\n`);
  const inner = join(folder, "packages", "app");
  await mkdir(join(inner, "node_modules", "x"), { recursive: true });
  await writeFile(join(inner, "pnpm-lock.yaml"), `lockfileVersion: '9.0'\n\npackages:\n\n${pnpm.join("\n")}`);
  await writeFile(join(inner, "node_modules", "x", "package-lock.json"), "not a lockfile of this project");
  const one = await verify("packages/app", "--trust", vkey);
  assert.equal(one.code, 0, one.stderr);
  assert.match(one.stdout, /pnpm-lock\.yaml \(pnpm 9\.0\)\n\n✓ 3 verified/);
  const all = await verify("--all", "--trust", vkey, "--json");
  const { ok, lockfiles } = JSON.parse(all.stdout) as { ok: boolean; lockfiles: { lockfile: string; ok: boolean }[] };
  assert.deepEqual([all.code, ok], [0, true]);
  assert.deepEqual(
    lockfiles.map((each) => each.lockfile),
    [join(folder, "package-lock.json"), join(inner, "pnpm-lock.yaml")],
  );
  await writeLockfile(folder, [...names, "nowhere"]);
  const failing = await verify("--all", "--trust", vkey);
  assert.equal(failing.code, 1);
  assert.match(failing.stdout, /✗ 1 missing/);
});

test("Yarn Berry's lockfile passes through the record only when that category is named", async (context) => {
  const { verify, vkey, folder } = await project(context);
  await rm(join(folder, "package-lock.json"));
  const entry = (name: string): string =>
    `"${name}@npm:^1.0.0":\n  version: 1.0.0\n  resolution: "${name}@npm:1.0.0"\n`;
  await writeFile(join(folder, "yarn.lock"), `__metadata:\n  version: 8\n\n${names.map(entry).join("\n")}`);
  const refused = await verify("--trust", vkey);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /✗ 3 through-record: .* does not pin their tarballs/);
  assert.match(refused.stdout, /--accept through-record lets them pass/);
  const accepted = await verify("--trust", vkey, "--accept", "through-record");
  assert.equal(accepted.code, 0, accepted.stdout);
  assert.match(accepted.stdout, /! 3 through-record, accepted: /);
  assert.match(accepted.stdout, /✓ 0 verified/);
  assert.doesNotMatch(accepted.stdout, /Everything that this lockfile installs/);
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
