import assert from "node:assert/strict";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import test, { type TestContext } from "node:test";
import { parseTrustFile } from "@assay/verify";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { startTinyLogServer, type TinyLogServer } from "@assay/testkit/tiny-log-server";
import { createTinyWitness } from "@assay/testkit/tiny-witness";
import type { CliContext } from "../src/context.ts";
import { trustInit } from "../src/trust/init.ts";
import { emptyFolder, runAssay, type Ran } from "./run-assay.ts";

interface Project {
  readonly folder: string;
  readonly server: TinyLogServer;
  readonly vkey: string;
  readonly assay: (...args: readonly string[]) => Promise<Ran>;
  readonly trustFile: () => Promise<ReturnType<typeof parseTrustFile>>;
}

/** A repository beside a registry whose log binds one package; the commands run in a folder of it. */
async function project(context: TestContext): Promise<Project> {
  const log = await createTinyLog({});
  log.bind("alpha", "1.0.0", integrityOf("alpha"));
  const server = await startTinyLogServer(log);
  context.after(() => server[Symbol.asyncDispose]());
  const root = await emptyFolder(context);
  const folder = join(root, "app");
  await mkdir(join(root, ".git"));
  await mkdir(folder);
  const entry = { version: "1.0.0", integrity: integrityOf("alpha") };
  const lockfile = { lockfileVersion: 3, packages: { "node_modules/alpha": entry } };
  await writeFile(join(folder, "package-lock.json"), JSON.stringify(lockfile));
  const env = { npm_config_registry: `${server.url}/` };
  return {
    folder,
    server,
    vkey: log.vkey,
    assay: (...args) => runAssay(folder, args, env),
    trustFile: async () => parseTrustFile(await readFile(join(root, "assay.trust.json"))),
  };
}

test("init shows key and fingerprint, asks for --yes without a terminal, and writes to the repository's root", async (context) => {
  const { assay, vkey, trustFile } = await project(context);
  const asked = await assay("trust", "init");
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /Nobody can be asked here; once you have compared the keys, add --yes/);
  assert.ok(asked.stderr.includes(vkey));
  await assert.rejects(trustFile(), /ENOENT/);
  const written = await assay("trust", "init", "--yes");
  assert.equal(written.code, 0, written.stderr);
  assert.match(written.stdout, /assay\.trust\.json is written\. Review it and commit it/);
  assert.deepEqual(
    (await trustFile()).logs.map((log) => log.vkey),
    [vkey],
  );
  assert.equal((await assay("verify")).code, 0);
  const again = await assay("trust", "init", "--yes");
  assert.match(again.stderr, /is there already; assay trust add log adds to it/);
  const { stdout } = await assay("trust", "show");
  assert.match(stdout, /Logs\n {2}log\.example\.com\/-\/log\/npm-2026a\n {4}SHA256:[A-Za-z0-9+/]{43}\n/);
  assert.match(stdout, /Witnesses: none/);
});

test("a person who is asked decides", async (context) => {
  const { folder, server, trustFile } = await project(context);
  const out = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
  const answering = (answer: string): CliContext => ({
    env: {},
    cwd: folder,
    stdout: out(),
    stderr: out(),
    stopSignal: () => AbortSignal.timeout(60_000),
    clock: { monotonicMs: () => 0, nowMs: () => 0, sleep: async () => {} },
    ask: async () => answer,
    uniqueName: () => "unfinished",
  });
  assert.equal(await trustInit(answering(""), { registry: server.url }), 1);
  assert.equal(await trustInit(answering("no"), { registry: server.url }), 1);
  await assert.rejects(trustFile(), /ENOENT/);
  assert.equal(await trustInit(answering("y"), { registry: server.url }), 0);
  assert.equal((await trustFile()).logs.length, 1);
});

test("add takes logs, witnesses, quorum, supersedes and what may pass, and writes nothing that cannot be read", async (context) => {
  const { assay, trustFile } = await project(context);
  assert.match((await assay("trust", "add", "allow", "tool")).stderr, /There is no assay\.trust\.json here/);
  await assay("trust", "init", "--yes");
  const witnesses = await Promise.all(
    ["a", "b"].map((each, i) => createTinyWitness(`${each}.example.com`, `3${i}`.repeat(32))),
  );
  const other = await createTinyLog({ origin: "log.example.com/other", seed: "02".repeat(32) });
  const integrity = integrityOf("right");
  const added: readonly (readonly string[])[] = [
    ["log", other.vkey, "--url", "https://mirror.example.com/log/"],
    ["witness", "first", witnesses[0]?.vkey ?? ""],
    ["witness", "second", witnesses[1]?.vkey ?? ""],
    ["quorum", "2"],
    ["supersede", "left@1.0.0", integrityOf("first thought")],
    ["supersede", "left@1.0.0", integrity],
    ["accept", "through-record"],
    ["allow", "tool"],
    ["max-age", "24h"],
  ];
  for (const args of added) {
    const { code, stderr } = await assay("trust", "add", ...args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  }
  const policy = await trustFile();
  assert.deepEqual(
    policy.logs.map(({ origin, url }) => [origin, url]),
    [
      ["log.example.com/-/log/npm-2026a", undefined],
      ["log.example.com/other", "https://mirror.example.com/log"],
    ],
  );
  assert.deepEqual(policy.witnesses.groups, [{ name: "of-the-witnesses", threshold: 2, members: ["first", "second"] }]);
  assert.equal(policy.witnesses.quorum, "of-the-witnesses");
  assert.deepEqual(policy.supersedes, [{ name: "left", version: "1.0.0", integrity }]);
  assert.deepEqual([policy.maxAgeSeconds, ...policy.accept, ...policy.allow], [86_400, "through-record", "tool"]);

  const refused: readonly (readonly [RegExp, ...string[]])[] = [
    [/two keys for the log|occurs twice|is there twice/, "log", other.vkey],
    [/the name first is defined twice/, "witness", "first", witnesses[0]?.vkey ?? ""],
    [/3 of 2 witnesses/, "quorum", "3"],
    [/nobody is not defined/, "quorum", "nobody"],
    [/is not <name>@<version>/, "supersede", "left", integrity],
    [/known: through-record/, "accept", "everything"],
    [/is no duration/, "max-age", "soon"],
    [/missing required argument/, "allow"],
  ];
  for (const [reason, ...args] of refused) {
    const { code, stderr } = await assay("trust", "add", ...args);
    assert.deepEqual([code, reason.test(stderr)], [2, true], `${args.join(" ")}: ${stderr}`);
  }
  assert.deepEqual(await trustFile(), policy);
  const shown = await assay("trust", "show", "--json");
  assert.equal((JSON.parse(shown.stdout) as { quorum: string }).quorum, "of-the-witnesses");
});

test("verify asks for the quorum of the trust file, and --require-witnesses that there is one", async (context) => {
  const { assay, server } = await project(context);
  await assay("trust", "init", "--yes");
  const none = await assay("verify", "--require-witnesses");
  assert.equal(none.code, 2);
  assert.match(none.stderr, /The trust file asks for no witnesses/);
  const witness = await createTinyWitness("w.example.com", "31".repeat(32));
  await assay("trust", "add", "witness", "w", witness.vkey);
  await assay("trust", "add", "quorum", "all");
  const refused = await assay("verify", "--require-witnesses");
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /does not satisfy the witness policy: needs w; cosigned by nobody/);
  const [, file = ""] = /The evidence is in (\S+);/.exec(refused.stderr) ?? [];
  const evidence = await assay("verify", "--evidence", file);
  assert.equal(evidence.code, 0, evidence.stderr);
  assert.match(evidence.stdout, /: unwitnessed\n[^]*It holds: a reader of this log was right to refuse/);

  const bundle = await server.log.bundle([{ name: "alpha", version: "1.0.0" }]);
  const time = Math.floor(Date.now() / 1000) - 7_300;
  const bundles = await Promise.all(
    bundle.bundles.map(async (part) => ({ ...part, checkpoint: await witness.cosign(part.checkpoint, time) })),
  );
  server.bundleAnswer = JSON.stringify({ ...bundle, bundles });
  const good = await assay("verify", "--require-witnesses");
  assert.equal(good.code, 0, good.stdout);
  assert.match(good.stdout, /Cosigned by w\. Its witnesses saw it 2 h ago\./);
  const stale = await assay("verify", "--max-age", "2h");
  assert.equal(stale.code, 1);
  assert.match(stale.stdout, /by its witnesses' clocks, and at most 7200 s are allowed/);
  assert.equal((await assay("verify", "--max-age", "3h")).code, 0);
  assert.equal((await assay("verify", "--max-age", "never")).code, 2);
});

test("without witnesses the age is the log's own word, and that is said", async (context) => {
  const { assay } = await project(context);
  await assay("trust", "init", "--yes");
  const { code, stdout } = await assay("verify");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /Its newest record known is .* old, by the log's own clock: without witnesses nobody else vouches/,
  );
  const strict = await assay("verify", "--max-age", "1s");
  assert.equal(strict.code, 1);
  assert.match(strict.stdout, /without cosignatures a quiet log cannot be told from a stalled one/);
});

test("check holds every log against its past, and names open logs that the file lacks", async (context) => {
  const { assay, server, folder } = await project(context);
  await assay("trust", "init", "--yes");
  const good = await assay("trust", "check");
  assert.equal(good.code, 0, good.stdout);
  assert.match(good.stdout, /✓ log\.example\.com\/-\/log\/npm-2026a: 1 entries, of one history/);
  const fork = server.log.fork(0);
  fork.bind("alpha", "1.0.0", integrityOf("evil"));
  server.log = fork;
  const bad = await assay("trust", "check", "--json");
  assert.equal(bad.code, 1);
  const { logs } = JSON.parse(bad.stdout) as { logs: { ok: boolean; says: string }[] };
  assert.match(logs[0]?.says ?? "", /signed two histories that exclude each other/);
  const files = (await readdir(folder)).filter((name) => name.startsWith("assay-evidence-fork-"));
  assert.equal(files.length, 1);
  const verdict = await assay("verify", "--evidence", files[0] ?? "", "--json");
  assert.deepEqual([verdict.code, (JSON.parse(verdict.stdout) as { convicts: boolean }).convicts], [0, true]);

  server.log = await createTinyLog({ origin: "log.example.com/-/log/npm-2027a", seed: "05".repeat(32) });
  const other = await assay("trust", "check");
  assert.match(other.stdout, /! log\.example\.com\/-\/log\/npm-2027a is at .* and not in the file/);
});

test("evidence that was changed does not hold, and evidence about another key is not mixed up", async (context) => {
  const { assay, server, folder, vkey } = await project(context);
  await assay("verify", "--trust", vkey);
  const fork = server.log.fork(0);
  for (const name of ["alpha", "more"]) fork.bind(name, "1.0.0", integrityOf(`${name}!`));
  server.log = fork;
  const caught = await assay("verify", "--trust", vkey);
  const [, file = ""] = /The evidence is in (\S+);/.exec(caught.stderr) ?? [];
  assert.match(file, /^assay-evidence-fork-[0-9a-f]{12}\.json$/);
  assert.equal((await assay("verify", "--evidence", file, "--trust", vkey)).code, 0);
  const other = await createTinyLog({ seed: "06".repeat(32) });
  const mixed = await assay("verify", "--evidence", file, "--trust", other.vkey);
  assert.deepEqual([mixed.code, /about another key/.test(mixed.stderr)], [2, true]);
  const text = await readFile(join(folder, file), "utf8");
  await writeFile(join(folder, "changed.json"), text.replace(vkey, other.vkey));
  const changed = await assay("verify", "--evidence", "changed.json");
  assert.deepEqual([changed.code, /It does not hold/.test(changed.stdout)], [1, true]);
  await writeFile(join(folder, "none.json"), "{}");
  assert.equal((await assay("verify", "--evidence", "none.json")).code, 2);
});
