import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { formatRecord, parsePackageName, parseVersion, type KnownRecord } from "@assay/core";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { emptyFolder, runAssay } from "./run-assay.ts";

/** A log on loopback, and what binds in it. */
async function world(t: TestContext) {
  const log = await createTinyLog({});
  const server = await startTinyLogServer(log);
  t.after(() => server[Symbol.asyncDispose]());
  let time = 1_795_255_200;
  const bind = (name: string, change: Partial<KnownRecord> = {}): number =>
    log.append(
      formatRecord({
        kind: "bind",
        ns: "npm",
        name: parsePackageName(name),
        version: parseVersion("1.0.0"),
        integrity: integrityOf(name),
        tree: `t1-${"A".repeat(43)}=`,
        manifest: `sha256-${"A".repeat(43)}=`,
        size: 7,
        source: "npm",
        signer: "-",
        seq: 1,
        prev: "-",
        time: (time += 1),
        nonce: "-",
        ...change,
      } as KnownRecord),
    );
  return { log, server, bind, folder: await emptyFolder(t), named: `${log.vkey}=${server.url}/-/log/npm-2026a` };
}

interface Said {
  readonly ok: boolean;
  readonly findings: { readonly id: number; readonly rule: string }[];
}

test("assay monitor --once says what it read, and exits 0 when nothing is wrong", async (t) => {
  const { folder, named, bind, log } = await world(t);
  bind("a");
  bind("b");
  const first = await runAssay(folder, ["monitor", "--once", "--log", named]);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, new RegExp(`^✓ ${log.origin}: 2 entries, 2 of them new\n\nNothing wrong was found\\.\n$`));
  assert.match((await runAssay(folder, ["monitor", "--once", "--log", named])).stdout, /2 entries, 0 of them new/);
});

test("assay monitor --once exits 1 with evidence, again and again, until the finding is known", async (t) => {
  const { folder, named, bind } = await world(t);
  bind("a");
  bind("b", { seq: 4 });
  const args = ["monitor", "--once", "--log", named];
  const first = await runAssay(folder, args);
  assert.equal(first.code, 1);
  assert.match(
    first.stdout,
    /✗ The log \S+: entry 1 breaks the chain .*\(finding 1\)\n--- evidence \(keep it\) ---\n\{/,
  );
  assert.match(first.stdout, /keep the evidence and tell the operator/);
  assert.equal((await runAssay(folder, args)).code, 1);
  const known = await runAssay(folder, [...args, "--known", "1", "--json"]);
  assert.equal(known.code, 0, known.stdout);
  assert.deepEqual((JSON.parse(known.stdout) as Said).findings, []);
  bind("c", { seq: 5 });
  const more = await runAssay(folder, [...args, "--known", "1", "--json"]);
  assert.equal(more.code, 1);
  const { ok, findings } = JSON.parse(more.stdout) as Said;
  assert.deepEqual([ok, findings.map(({ id, rule }) => [id, rule])], [false, [[2, "record"]]]);
});

test("assay monitor --once exits 1 when a log cannot be read, and when a webhook does not take what was found", async (t) => {
  const { folder, named, bind, server } = await world(t);
  bind("a", { seq: 2 });
  const told = ["monitor", "--once", "--log", named, "--known", "1"];
  const hook = { ASSAY_MONITOR_WEBHOOK: `${server.url}/nobody?s3cret` };
  const ran = await runAssay(folder, told, hook);
  assert.equal(ran.code, 1);
  assert.match(ran.stdout, /1 findings were not taken by a webhook yet/);
  assert.doesNotMatch(ran.stdout + ran.stderr, /s3cret/);
  assert.equal((await runAssay(folder, told)).code, 0);
  await server[Symbol.asyncDispose]();
  const away = await runAssay(folder, told);
  assert.equal(away.code, 1);
  assert.match(away.stdout, /✗ log\.example\.com\S+: The log at http\S+ cannot be read/);
});

test("assay monitor takes the logs of the repository's trust file, and of a registry by its shard", async (t) => {
  const { folder, bind, server, log, named } = await world(t);
  bind("a");
  await writeFile(
    join(folder, "assay.trust.json"),
    JSON.stringify({ format: "assay-trust/v1", logs: [{ vkey: log.vkey, url: named.split("=").at(-1) }] }),
  );
  const trusted = await runAssay(folder, ["monitor", "--once"]);
  assert.match(trusted.stdout, /1 entries/, trusted.stderr);
  const other = await emptyFolder(t);
  const found = await runAssay(other, ["monitor", "--once", "--log", log.vkey, "--registry", server.url]);
  assert.match(found.stdout, /1 entries[^]*releases sampled: /, found.stderr);
});

test("assay monitor --scope --expected tells what CI did not publish", async (t) => {
  const { folder, named, bind } = await world(t);
  bind("@acme/a");
  bind("@acme/b");
  await writeFile(join(folder, "expected.txt"), `@acme/a@1.0.0 ${integrityOf("@acme/a")}\n`);
  const ran = await runAssay(folder, [
    "monitor",
    "--once",
    "--log",
    named,
    "--scope",
    "@acme",
    "--expected",
    "expected.txt",
  ]);
  assert.equal(ran.code, 1, ran.stderr);
  assert.match(
    ran.stdout,
    /✗ The log \S+ says in entry 1 that @acme\/b@1\.0\.0 is sha512-\S+; CI did not publish such/,
  );
  assert.doesNotMatch(ran.stdout, /@acme\/a@1/);
});

test("assay monitor refuses by name what it cannot use, with exit code 2", async (t) => {
  const folder = await emptyFolder(t);
  const { vkey } = await createTinyLog({});
  await writeFile(join(folder, "bad.txt"), "@acme/a@1.0.0 sha1-x\n");
  const log = ["--log", `${vkey}=http://127.0.0.1:1/l`];
  const cases: [readonly string[], RegExp][] = [
    [[], /No log is named: give --log <vkey=url>, or --trust/],
    [["--log", vkey], /Nothing says where the log \S+ is: write --log/],
    [["--log", "nonsense=http://127.0.0.1:1"], /verifier key is malformed/],
    [[...log, "--trust", "t.json"], /--log or --trust, not both/],
    [[...log, "--expected", "bad.txt"], /--expected needs --scope/],
    [[...log, "--scope", "acme/x"], /"acme\/x" is no scope and no package name/],
    [[...log, "--registry", "ftp://x"], /--registry "ftp:\/\/x" is no http or https URL/],
    [[...log, "--samples", "-1"], /--samples must be a whole number from 0 to 10000/],
    [[...log, "--metrics-port", "99999"], /--metrics-port must be a whole number from 0 to 65535/],
    [[...log, "--webhook", "s3cret"], /A webhook is no http or https URL/],
    [[...log, "--interval", "soon"], /soon/],
    [
      [...log, "--scope", "@acme", "--expected", "none.txt", "--once"],
      /--expected names \S+none\.txt, which cannot be read/,
    ],
    [[...log, "--scope", "@acme", "--expected", "bad.txt", "--once"], /The list of expected releases.*line 1 is not/],
  ];
  for (const [args, sentence] of cases) {
    const { code, stderr } = await runAssay(folder, ["monitor", ...args]);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, sentence);
    assert.doesNotMatch(stderr, /s3cret/);
  }
});
