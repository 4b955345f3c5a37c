/** The suite of another project with the newest clients, and with the checks that it holds back as too strict for most registries. */
import { test } from "node:test";
import { assertSuite, npmFailures, suiteRegistry } from "./e2e-suite.ts";

const run = suiteRegistry();

test("npm 12", async () => assertSuite(await run("npm12"), 15, npmFailures));

test("pnpm 12", async () => assertSuite(await run("pnpm12"), 10));
