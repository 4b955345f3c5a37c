import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { createTinyLog } from "@assay/testkit/tiny-log";
import { emptyFolder, runAssay } from "./run-assay.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** Starts `assay witness` and answers what it says when it is ready. */
async function start(t: TestContext, folder: string, args: readonly string[]) {
  const child = spawn(process.execPath, [main, "witness", ...args], { cwd: folder, env: { HOME: folder } });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  for await (const chunk of child.stdout) if ((said += String(chunk)).includes("Ctrl-C")) break;
  return { said, child, url: /ready at (\S+)\//.exec(said)?.[1] ?? "" };
}

test("assay witness makes its key, says what to tell the log's operator, and keeps both", async (t) => {
  const folder = await emptyFolder(t);
  const { vkey, origin } = await createTinyLog({});
  const first = await start(t, folder, ["--port", "0", "--data", "w", "--log", vkey]);
  const line = /^ {2}(witness \S+ \S+) http:\/\/127\.0\.0\.1:\d+$/m.exec(first.said)?.[1];
  assert.match(line ?? "", /^witness \S+ assay\.invalid\/[0-9a-f]{16}\/witness\+[0-9a-f]{8}\+B/);
  assert.match(first.said, new RegExp(`It watches:\n  ${origin}`));
  assert.equal((await fetch(`${first.url}/-/health/ready`)).status, 200);
  const exited = once(first.child, "exit");
  first.child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);

  await writeFile(
    join(folder, "witness.yaml"),
    `dataFolder: w\nlisten: { port: 0 }\nlogs:\n  - ${vkey}=https://log.example.com/a\n`,
  );
  const second = await start(t, folder, ["--config", "witness.yaml"]);
  assert.ok(second.said.includes(line ?? "-"));
  const { logs } = (await (await fetch(`${second.url}/logs`)).json()) as { logs: { url: string }[] };
  assert.equal(logs[0]?.url, "https://log.example.com/a");
});

test("assay witness refuses by name what it cannot use, with exit code 2", async (t) => {
  const folder = await emptyFolder(t);
  await writeFile(join(folder, "w.yaml"), "listen: { port: 1 }\nlog: x\nperMinute: 0\n");
  const cases: [readonly string[], RegExp][] = [
    [["--log", "nonsense"], /logs \(--log\) is .*must be a list of a log's verifier keys/],
    [["--host", "0.0.0.0"], /publicUrls.*in witness\.yaml/],
    [["--config", "none.yaml"], /none\.yaml, which does not exist/],
    [["--config", "w.yaml"], /w\.yaml:2:1: log is not a setting; did you mean logs\?[^]*perMinute/],
    [["--keys", "rsa"], /ed25519 or both/],
    [["--name", "a+b"], /without space and \+/],
  ];
  for (const [args, sentence] of cases) {
    const { code, stderr } = await runAssay(folder, ["witness", ...args]);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, sentence);
  }
});
