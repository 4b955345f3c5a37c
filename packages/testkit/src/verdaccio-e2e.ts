/** `@verdaccio/e2e-cli`, pinned in `packages/testkit/verdaccio-e2e`: another project's suite, which drives a real client against any registry. */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { clientFile, runClient } from "./clients-run.ts";
import { installPinned } from "./install-pinned.ts";

const folder = path.join(import.meta.dirname, "..", "verdaccio-e2e");
const program = path.join(folder, "node_modules", "@verdaccio", "e2e-cli", "bin", "e2e-cli.js");

/** `installPinned` of the suite, about 2 s and 3 MB. */
export async function installVerdaccioE2e(say: (line: string) => void): Promise<void> {
  await installPinned({ folder, what: "@verdaccio/e2e-cli, about 3 MB" }, say);
}

/** The clients that the suite drives, as it calls them; of pnpm only 11 and later. */
const programs = {
  npm10: `npm=${clientFile("npm10", "bin", "npm-cli.js")}`,
  npm11: `npm=${clientFile("npm11", "bin", "npm-cli.js")}`,
  npm12: `npm=${clientFile("npm12", "bin", "npm-cli.js")}`,
  pnpm11: `pnpm=${clientFile("pnpm11", "bin", "pnpm.mjs")}`,
  pnpm12: `pnpm=${clientFile("pnpm12", "pnpm")}`,
  yarn4: `yarn-modern=${clientFile("yarn4", "bin", "yarn.js")}`,
  bun: `bun=${clientFile("bun", "bin", "bun")}`,
  deno: `deno=${clientFile("deno", "deno")}`,
} as const;

export type SuiteClient = keyof typeof programs;

export interface SuiteRequest {
  /** Root of a registry under the host name `localhost`: the suite writes that name into credentials. */
  readonly registry: string;
  readonly client: SuiteClient;
  /** An empty folder for what the suite and its client write. */
  readonly folder: string;
  /** Where the suite starts an uplink of its own. Default: what needs one is skipped. */
  readonly uplinkPort?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** What came out, by the suite's names of its tests. A part of a test is `<test> > <part>`; what fails ends its test. */
export interface SuiteRun {
  readonly passed: readonly string[];
  readonly skipped: readonly string[];
  /** The test or, where one failed, its part, with what the suite says of it. */
  readonly failed: Readonly<Record<string, string>>;
  /** All that it wrote. */
  readonly output: string;
  readonly seconds: number;
}

/** Runs the whole suite with one client, the checks that it holds back as too strict for other registries included. */
export async function runVerdaccioE2e(request: SuiteRequest): Promise<SuiteRun> {
  const { registry, client, uplinkPort } = request;
  const temporary = path.join(request.folder, "tmp");
  mkdirSync(temporary, { recursive: true });
  const parameters = ["--registry", registry, "--pm", programs[client], "--timeout", "120000"];
  if (uplinkPort !== undefined) parameters.push("--uplink-port", String(uplinkPort));
  const { output, seconds } = await runClient([process.execPath, program, ...parameters], {
    project: request.folder,
    home: path.join(request.folder, "home"),
    cache: path.join(request.folder, "cache"),
    timeoutSeconds: 600,
    env: { TMPDIR: temporary, E2E_PENDING_CONTRACT_CHECKS: "true", ...request.env },
  });
  return { ...readResults(output), output, seconds };
}

const result = /^ {2}(✓|PASS|FAIL|SKIP) (\S+)/;
const failedPart = /^ {4}✗ (.*?)(?: [\d.]+m?s)?$/;

function readResults(output: string): Omit<SuiteRun, "output" | "seconds"> {
  const passed: string[] = [];
  const skipped: string[] = [];
  const failed: Record<string, string> = {};
  const parts: string[] = [];
  let failing: readonly string[] = [];
  // oxlint-disable-next-line no-control-regex -- it colours what it writes
  for (const line of output.replaceAll(/\u001b\[\d+m/g, "").split("\n")) {
    const part = failedPart.exec(line)?.[1];
    if (part !== undefined) parts.push(part);
    const [, outcome, test] = result.exec(line) ?? [];
    if (outcome !== undefined && test !== undefined) {
      failing = [];
      if (outcome === "FAIL") {
        failing = parts.length === 0 ? [test] : parts.map((each) => `${test} > ${each}`);
        for (const each of failing) failed[each] = "";
      } else (outcome === "SKIP" ? skipped : passed).push(test);
      parts.length = 0;
    } else if (line.startsWith("    ")) for (const each of failing) failed[each] += `${line.trim()}\n`;
    else if (line !== "") failing = [];
  }
  if (passed.length === 0) throw new Error(`The suite tested nothing:\n${output}`);
  return { passed, skipped, failed };
}
