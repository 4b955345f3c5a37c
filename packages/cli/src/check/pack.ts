import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CliContext } from "../context.ts";
import { wrongUse } from "../errors.ts";

/**
 * Packs a folder with the npm that is on the path, its scripts included, as a publish would. Answers the tarball, in
 * `target`. Throws USAGE when npm is not there or cannot pack it.
 */
export async function packFolder({ env, stderr }: CliContext, folder: string, target: string): Promise<string> {
  const isWindows = env["OS"] === "Windows_NT";
  const child = spawn("npm", ["pack", "--silent", "--pack-destination", target], {
    cwd: folder,
    env: { ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // There it is a script of the shell.
    shell: isWindows,
  });
  let said = "";
  child.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => {
    said += bytes.toString();
    stderr.write(bytes);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) =>
      reject(wrongUse(`npm cannot be run (${error.message}); give a tarball instead of a folder.`)),
    );
    child.once("close", resolve);
  });
  const file = (await readdir(target)).find((name) => name.endsWith(".tgz"));
  if (code === 0 && file !== undefined) return join(target, file);
  throw wrongUse(`npm cannot pack ${folder}: ${said.trim() === "" ? `it ended with ${code}` : said.trim()}`);
}
