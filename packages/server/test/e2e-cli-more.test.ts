/** The suite of `e2e-cli.test.ts` with all other clients that it can drive: of pnpm only 11 and later. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertSuite, npmFailures, suiteRegistry } from "./e2e-suite.ts";

const run = suiteRegistry();

test("npm 10", async () => assertSuite(await run("npm10"), 15, npmFailures));

test("npm 11", async () => assertSuite(await run("npm11"), 15, npmFailures));

test("pnpm 11", async () => assertSuite(await run("pnpm11"), 10));

test("bun", async () => assertSuite(await run("bun"), 7));

test("deno", async () => assertSuite(await run("deno"), 4));

test("Yarn 4", async () => {
  const { failed, passed, output } = await run("yarn4");
  // For these the suite needs plugins of its own, which it fetches from the public registry, not from ours.
  const plugins = ["deprecate > deprecate single version", "login > create new user + whoami", "ping"];
  for (const [what, sentence] of Object.entries(failed)) {
    assert.ok(plugins.includes(what), output);
    assert.match(sentence, /npm pack @verdaccio\/yarn-plugin/, what);
  }
  assert.equal(passed.length, 9 - Object.keys(failed).length, output);
});
