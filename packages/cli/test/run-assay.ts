import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../bin/assay.mjs", import.meta.url));
const compiled = fileURLToPath(new URL("../../../.cache/compile", import.meta.url));

/** What one run of the command left. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command in a folder, with an empty home there and nothing else of this process's environment. */
export function runAssay(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const options = { cwd: folder, env: { HOME: folder, NODE_COMPILE_CACHE: compiled, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** An empty folder that goes when the test ends. */
export async function emptyFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "assay-cli-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
