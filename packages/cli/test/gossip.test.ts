import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { formatFork } from "@assay/core";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { emptyFolder, runAssay } from "./run-assay.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** A project whose lockfile the log binds, and a witness of the log. */
async function world(t: TestContext) {
  const log = await createTinyLog({});
  log.bind("alpha", "1.0.0", integrityOf("alpha"));
  const server = await startTinyLogServer(log);
  t.after(() => server[Symbol.asyncDispose]());
  const folder = await emptyFolder(t);
  const packages = { "node_modules/alpha": { version: "1.0.0", integrity: integrityOf("alpha") } };
  await writeFile(join(folder, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages }));
  const env = { npm_config_registry: `${server.url}/` };
  const verify = (...args: readonly string[]) => runAssay(folder, ["verify", "--trust", log.vkey, ...args], env);
  const watched = `${log.vkey}=${server.url}/-/log/npm-2026a`;
  return { log, server, folder, verify, witness: await startWitness(t, folder, watched) };
}

async function startWitness(t: TestContext, folder: string, log: string): Promise<string> {
  const args = [main, "witness", "--port", "0", "--data", join(folder, "w"), "--log", log];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { HOME: folder },
    stdio: ["ignore", "pipe", "ignore"],
  });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  for await (const chunk of child.stdout) if ((said += String(chunk)).includes("Ctrl-C")) break;
  return /ready at (\S+)\//.exec(said)?.[1] ?? "";
}

const show = (witness: string, note: string) => fetch(`${witness}/-/log/gossip`, { method: "POST", body: note });

test("--gossip shows the last checkpoint to others, and says what came of it", async (t) => {
  const { verify, witness, log, server } = await world(t);
  const first = await verify("--gossip", witness, "--gossip", "http://127.0.0.1:1/");
  assert.equal(first.code, 0, first.stderr);
  assert.ok(first.stderr.includes(`assay: ${witness}: has the same history of ${log.origin} up to 1 entries`));
  assert.match(first.stderr, /127\.0\.0\.1:1: the checkpoint of \S+ could not be shown: no answer/);
  const other = await startWitness(t, await emptyFolder(t), (await createTinyLog({ origin: "o" })).vkey);
  const unknown = await verify("--gossip", `${other}/`);
  assert.equal(unknown.code, 0);
  assert.match(unknown.stderr, /does not know the log/);
  // The registry itself takes none: it is no party of its own here.
  assert.match((await verify("--gossip", server.url)).stderr, /does not know the log|status/);
});

test("--gossip that meets another history fails with evidence that convicts the log's key", async (t) => {
  const { verify, witness, log, folder } = await world(t);
  const fork = log.fork(0);
  fork.bind("alpha", "1.0.0", integrityOf("for somebody else"));
  assert.equal((await show(witness, await fork.checkpoint())).status, 200);
  const { code, stdout, stderr } = await verify("--gossip", witness);
  assert.equal(code, 1);
  assert.match(stdout, /✓ 1 verified/);
  assert.match(stderr, /signed two histories that exclude each other/);
  const file = (await readdir(folder)).find((name) => name.startsWith("assay-evidence-fork-")) ?? "";
  const checked = await runAssay(folder, ["verify", "--evidence", file]);
  assert.equal(checked.code, 0, checked.stderr);
  assert.match(checked.stdout, /only the holder of this key can have made it/);
});

test("an accusation without proof changes nothing", async (t) => {
  const { verify, log, folder } = await world(t);
  const note = await log.checkpoint();
  const liar = await createTinyLog({ seed: "05".repeat(32) });
  liar.bind("x", "1.0.0", integrityOf("x"));
  const answers = [
    "no fork",
    formatFork({ smaller: note, larger: note, root: new Uint8Array(32), proof: [] }),
    formatFork({ smaller: note, larger: await liar.checkpoint(), root: new Uint8Array(32), proof: [] }),
    "x".repeat(5 * 1024 * 1024),
  ];
  for (const body of answers) {
    const server = createServer((_request, response) => void response.writeHead(409).end(body));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const ran = await verify("--gossip", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.closeAllConnections();
    server.close();
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stderr, /does not prove it|could not be shown/);
  }
  assert.ok(!(await readdir(folder)).some((name) => name.startsWith("assay-evidence")));
});

test("--gossip refuses what it cannot use", async (t) => {
  const folder = await emptyFolder(t);
  await writeFile(join(folder, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages: {} }));
  const { vkey } = await createTinyLog({});
  for (const [args, sentence] of [
    [["--gossip", "ftp://x"], /--gossip "ftp:\/\/x" is no http or https URL/],
    [["--gossip", "http://x/?a=b"], /without query or fragment/],
    [["--gossip", "http://x", "--offline", "b.json"], /--gossip asks others, --offline nobody/],
  ] as const) {
    const { code, stderr } = await runAssay(folder, ["verify", "--trust", vkey, ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, sentence);
  }
});
