/**
 * Programs that tests run and the product does not depend on, each in a folder of its own with a package.json and a
 * lockfile: locked by integrity, installed without scripts, and no workspace.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface Pinned {
  /** Absolute path of the folder with package.json and package-lock.json. */
  readonly folder: string;
  /** For people: what is installed, and how much of it. */
  readonly what: string;
}

/** True when what is installed is what the lockfile says. */
export function isInstalled({ folder }: Pick<Pinned, "folder">): boolean {
  const stampFile = stampOf(folder);
  return existsSync(stampFile) && readFileSync(stampFile, "utf8") === lockfileDigest(folder);
}

/**
 * `npm ci --ignore-scripts` when needed; `say` gets one line a step and one every few seconds while npm works.
 *
 * The stamp is written last, so an install that was interrupted is done again. Throws with npm's output when
 * npm fails. Not safe to call from two processes at once.
 */
export async function installPinned({ folder, what }: Pinned, say: (line: string) => void): Promise<void> {
  if (isInstalled({ folder })) return;
  say(`Installing ${what} …`);
  const started = performance.now();
  const elapsed = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
  const ticker = setInterval(() => say(`  … still installing, ${elapsed()}`), 5000);
  try {
    await npmCi(folder);
  } finally {
    clearInterval(ticker);
  }
  writeFileSync(stampOf(folder), lockfileDigest(folder));
  say(`Installed in ${elapsed()}.`);
}

function stampOf(folder: string): string {
  return path.join(folder, "node_modules", ".assay-installed");
}

function lockfileDigest(folder: string): string {
  return createHash("sha256")
    .update(readFileSync(path.join(folder, "package-lock.json")))
    .digest("hex");
}

function npmCi(folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`npm ci in ${folder} failed:\n${Buffer.concat(output).toString()}`));
    });
  });
}
