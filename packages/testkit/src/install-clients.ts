/**
 * Installs the pinned package managers of `packages/testkit/clients` when they are missing or their lockfile
 * changed: `npm ci --ignore-scripts`, about 20 s and 600 MB. Run as a program or called by the test runner.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Folder with the pinned clients' own package.json and lockfile. */
export const clientsFolder: string = path.join(import.meta.dirname, "..", "clients");

const stampFile = path.join(clientsFolder, "node_modules", ".assay-installed");

function lockfileDigest(): string {
  const text = readFileSync(path.join(clientsFolder, "package-lock.json"));
  return createHash("sha256").update(text).digest("hex");
}

/** True when what is installed is what the lockfile says. */
export function clientsAreInstalled(): boolean {
  return existsSync(stampFile) && readFileSync(stampFile, "utf8") === lockfileDigest();
}

/**
 * Installs the clients when needed; `say` gets one line a step and one every few seconds while npm works.
 *
 * The stamp is written last, so an install that was interrupted is done again. Throws with npm's output when
 * npm fails. Not safe to call from two processes at once.
 */
export async function installClients(say: (line: string) => void): Promise<void> {
  if (clientsAreInstalled()) return;
  say("Installing the pinned package managers (npm, pnpm, yarn, bun, deno, vlt), about 600 MB …");
  const started = performance.now();
  const elapsed = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
  const ticker = setInterval(() => say(`  … still installing clients, ${elapsed()}`), 5000);
  try {
    await npmCi();
  } finally {
    clearInterval(ticker);
  }
  writeFileSync(stampFile, lockfileDigest());
  say(`Clients installed in ${elapsed()}.`);
}

function npmCi(): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: clientsFolder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`npm ci of the clients failed:\n${Buffer.concat(output).toString()}`));
    });
  });
}

if (import.meta.main) {
  await installClients((line) => process.stdout.write(`${line}\n`));
}
