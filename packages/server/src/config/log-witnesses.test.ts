import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { noWitnesses } from "@assay/core";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTinyWitness } from "@assay/testkit/tiny-witness";
import { loadConfig } from "./load.ts";

/** Loads with this assay.yaml, these files beside it and these variables. */
async function load(
  t: TestContext,
  yaml: string,
  options: { files?: Record<string, string>; env?: Record<string, string> } = {},
) {
  const cwd = tempFolder(t);
  for (const [name, text] of Object.entries({ "assay.yaml": yaml, ...options.files })) {
    await mkdir(join(cwd, name, ".."), { recursive: true });
    await writeFile(join(cwd, name), text);
  }
  const env = { HOME: cwd, ASSAY_UPSTREAM: "https://registry.example.com", ...options.env };
  return (await loadConfig({ flags: {}, env, cwd })).config.log;
}

const { vkey } = await createTinyWitness("w.example.com", "07".repeat(32));
const policy = `witness one ${vkey} https://w.example.com\nquorum one\n`;

test("no witness is asked unless a policy says so", async (t) => {
  for (const yaml of ["", "log: { witnesses: none }"])
    assert.deepEqual((await load(t, yaml)).witnesses.policy, noWitnesses);
  assert.equal((await load(t, "")).release, "claim");
});

test("a policy stands in the file of settings, in a variable, or in a file of its own", async (t) => {
  const inline = `log:\n  witnesses: |\n${policy.replaceAll(/^(?=.)/gm, "    ")}`;
  const expected = { name: "one", vkey, url: "https://w.example.com" };
  const loaded = [
    await load(t, inline),
    await load(t, "", { env: { ASSAY_LOG_WITNESSES: policy.trimEnd() } }),
    await load(t, "log: { witnessesFile: policies/w.txt }", { files: { "policies/w.txt": policy } }),
    await load(t, "", { env: { ASSAY_LOG_WITNESSES_FILE: "w.txt" }, files: { "w.txt": policy } }),
  ];
  for (const log of loaded) {
    assert.deepEqual(log.witnesses.policy.witnesses, [expected]);
    assert.equal(log.witnesses.policy.quorum, "one");
  }
  const times = await load(t, "log: { witnessTimeoutMs: 500, witnessIntervalMs: 0, witnessRefreshMinutes: 3 }");
  assert.deepEqual(times.witnesses, { policy: noWitnesses, timeoutMs: 500, intervalMs: 0, refreshMs: 180_000 });
});

test("what cannot be a policy is refused, with the place and the line", async (t) => {
  const cases: [string, Parameters<typeof load>[2], RegExp][] = [
    [
      "log: { witnesses: nonsense }",
      {},
      /log\.witnesses \(.*assay\.yaml:1:19\) is no witness policy: line 1: "nonsense"/,
    ],
    [
      "log: { witnessesFile: w.txt }",
      { files: { "w.txt": `${policy}quorum none\n` } },
      /w\.txt\) is no witness policy: line 3: there is a second quorum/,
    ],
    ["log: { witnessesFile: w.txt }", { files: { "w.txt": policy.trimEnd() } }, /may have been cut off/],
    ["log: { witnessesFile: w.txt }", {}, /log\.witnessesFile .*w\.txt, which does not exist/],
    ["log: { witnessesFile: w.txt }", { files: { "w.txt": policy.replace(/ https.*/, "") } }, /gives no URL for one/],
    ["log: { witnessesFile: w.txt, witnesses: none }", { files: { "w.txt": policy } }, /are both set/],
    ["log: { release: soon }", {}, /claim, checkpoint or quorum/],
  ];
  for (const [yaml, options, message] of cases)
    await assert.rejects(load(t, yaml, options), (error: Error & { code?: string }) => {
      assert.equal(error.code, "CONFIG");
      assert.match(error.message, message);
      return true;
    });
});
