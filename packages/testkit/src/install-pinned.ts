/**
 * Programs that tests run and the product does not depend on, each in a folder of its own with a package.json and a
 * lockfile: locked by integrity, installed without scripts, and no workspace.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

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
 * npm fails. Of several processes that need the same folder one installs and the others wait.
 */
export async function installPinned({ folder, what }: Pinned, say: (line: string) => void): Promise<void> {
  if (isInstalled({ folder })) return;
  const lock = path.join(folder, ".installing");
  while (!(await takeLock(lock))) await sleep(250);
  try {
    if (!isInstalled({ folder })) await install({ folder, what }, say);
  } finally {
    await rm(lock, { force: true });
  }
}

async function install({ folder, what }: Pinned, say: (line: string) => void): Promise<void> {
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

/** False while the process that holds it lives; what a process that died left is taken away first. */
async function takeLock(lock: string): Promise<boolean> {
  const mine = `${lock}-${process.pid}`;
  await writeFile(mine, String(process.pid));
  try {
    // A link appears with its content: nobody reads a lock that does not say yet whose it is.
    await link(mine, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(mine, { force: true });
  }
  const holder = await readFile(lock, "utf8").catch(() => undefined);
  if (holder !== undefined && !isAlive(Number(holder))) await rm(lock, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
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
