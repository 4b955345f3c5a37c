import assert from "node:assert/strict";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { createTinyLog } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { emptyFolder, runAssay } from "./run-assay.ts";

test("init writes a commented file once, and replaces it only when forced", async (context) => {
  const folder = await emptyFolder(context);
  const first = await runAssay(folder, ["init"]);
  assert.deepEqual([first.code, first.stderr], [0, ""]);
  const path = join(folder, "assay.yaml");
  const written = await readFile(path, "utf8");
  assert.match(written, /^# /);
  await writeFile(path, "# mine\n");
  const second = await runAssay(folder, ["init"]);
  assert.equal(second.code, 2);
  assert.match(second.stderr, /is there already; --force replaces it/);
  assert.equal(await readFile(path, "utf8"), "# mine\n");
  const forced = await runAssay(folder, ["init", "--force", "--json"]);
  assert.deepEqual(JSON.parse(forced.stdout), { ok: true, file: path });
  assert.equal(await readFile(path, "utf8"), written);
});

test("doctor prints findings with marks, changes nothing, and passes where nothing is wrong yet", async (context) => {
  const folder = await emptyFolder(context);
  await using upstream = await startTinyLogServer(await createTinyLog({}));
  const { code, stdout } = await runAssay(folder, ["doctor", "--upstream", upstream.url]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^✓ Node\.js /);
  assert.match(stdout, /^! There is no data folder .*\n {4}assay serve makes it/m);
  assert.match(stdout, /All is well enough to run\.\n$/);
  assert.deepEqual(await readdir(folder), []);
});

test("doctor fails and says what to do when the upstream does not answer", async (context) => {
  const folder = await emptyFolder(context);
  const { code, stdout } = await runAssay(folder, ["doctor", "--upstream", "http://127.0.0.1:1", "--json"]);
  assert.equal(code, 1, stdout);
  const { ok, findings } = JSON.parse(stdout) as {
    ok: boolean;
    findings: { check: string; outcome: string; advice?: string }[];
  };
  assert.equal(ok, false);
  const upstream = findings.find(({ check }) => check === "upstream");
  assert.equal(upstream?.outcome, "error");
  assert.match(upstream?.advice ?? "", /Check its URL/);
});

test("a configuration that is refused is wrong use, whatever the command", async (context) => {
  const folder = await emptyFolder(context);
  await writeFile(join(folder, "assay.yaml"), "listne: {}\n");
  for (const command of [["serve"], ["doctor"], ["quarantine", "free", "a@1.0.0"]]) {
    const { code, stderr } = await runAssay(folder, command);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /assay\.yaml.*listne/);
  }
});

test("a release to free must be a name and a version", async (context) => {
  const folder = await emptyFolder(context);
  for (const release of ["left-pad", "@scope/name", "a@", "../x@1.0.0"]) {
    const { code, stderr } = await runAssay(folder, ["quarantine", "free", release]);
    assert.equal(code, 2, stderr);
  }
});

test("keys: lists ours, rotates it, and ends an upstream's only where there is one", async (context) => {
  const folder = await emptyFolder(context);
  const at = ["--data", join(folder, "data")];
  const env = { ASSAY_UPSTREAM: "http://127.0.0.1:1" };
  const list = async () => {
    const { code, stdout } = await runAssay(folder, ["keys", "list", "--json", ...at], env);
    assert.equal(code, 0, stdout);
    return (JSON.parse(stdout) as { keys: { owner: string; keyid: string; ends: string | null; why: string | null }[] })
      .keys;
  };
  const [first] = await list();
  assert.ok(first);
  assert.match(first.keyid, /^SHA256:/);
  assert.deepEqual([first.owner, first.ends], ["hosted", null]);
  const rotated = await runAssay(folder, ["keys", "rotate", ...at], env);
  assert.equal(rotated.code, 0, rotated.stderr);
  const [before, after] = await list();
  assert.deepEqual([before?.keyid, before?.why, after?.why], [first.keyid, "retired", null]);
  assert.match(rotated.stdout, new RegExp(`^${RegExp.escape(after?.keyid ?? "?")} signs from now on`));
  const text = await runAssay(folder, ["keys", "list", ...at], env);
  assert.match(text.stdout, /^SHA256:\S+ {2}ours, seen since \S+, retired \S+\nSHA256:\S+ {2}ours, seen since \S+\n$/);

  const retire = (...more: string[]) => runAssay(folder, ["keys", "retire", first.keyid, ...more, ...at], env);
  assert.match((await retire("--upstream", "npm")).stdout, /has no key .* Nothing was changed/);
  assert.equal((await retire("--upstream", "npm")).code, 1);
  assert.equal((await retire("--upstream", "hosted")).code, 2);
  assert.equal((await retire()).code, 2);
  assert.equal((await retire("--upstream", "npm", "--since", "yesterday")).code, 2);
});
