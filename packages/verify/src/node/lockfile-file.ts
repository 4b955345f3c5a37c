import { open, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { AssayError } from "@assay/core";
import { lockfileFormats, parseLockfile } from "../lockfile/formats.ts";
import type { Lockfile } from "../lockfile/lockfile.ts";
import { maxLockfileBytes } from "../lockfile/reading.ts";

const names = lockfileFormats.map(({ fileName }) => fileName);

/** Never the project's own: what other tools keep there. */
const skippedFolders = new Set(["node_modules", ".git", ".yarn", ".pnpm-store"]);
const maxFolders = 100_000;

/**
 * The lockfile of the project in a folder. Throws USAGE when several clients have one there, because which of them
 * installs is not for us to guess, and NOT_FOUND, naming what was looked for.
 */
export async function findLockfile(folder: string): Promise<string> {
  const here = await lockfilesIn(folder);
  if (here.length > 1)
    throw new AssayError("USAGE", {
      reason: `Several lockfiles are in ${folder}: ${here.join(", ")}. Name the one that is installed from, or check all with --all.`,
    });
  const [only] = here;
  if (only !== undefined) return join(folder, only);
  const binary = (await filesOf(folder)).includes("bun.lockb");
  throw new AssayError("NOT_FOUND", {
    what: `A lockfile (${names.join(", ")}) in ${folder}${binary ? " (there is a bun.lockb; write it as text with bun install --save-text-lockfile)" : ""}`,
  });
}

/** Every lockfile in a folder and below it, sorted; those of installed packages are none. Throws NOT_FOUND when there is none. */
export async function findLockfiles(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const waiting = [folder];
  for (let count = 0; waiting.length > 0; count += 1) {
    if (count === maxFolders)
      throw new AssayError("USAGE", { reason: `${folder} holds more than ${maxFolders} folders; name a smaller one.` });
    const place = waiting.pop() ?? folder;
    found.push(...(await lockfilesIn(place)).map((name) => join(place, name)));
    for (const entry of await readdir(place, { withFileTypes: true })) {
      // Links are not followed: they may lead anywhere, and in circles.
      if (entry.isDirectory() && !skippedFolders.has(entry.name)) waiting.push(join(place, entry.name));
    }
  }
  if (found.length === 0)
    throw new AssayError("NOT_FOUND", { what: `A lockfile (${names.join(", ")}) in or below ${folder}` });
  return found.toSorted();
}

/** Of one client only the name that it prefers. */
async function lockfilesIn(folder: string): Promise<readonly string[]> {
  const here = await filesOf(folder);
  const clients = new Set<string>();
  return lockfileFormats
    .filter(({ fileName, client }) => here.includes(fileName) && !clients.has(client) && clients.add(client))
    .map(({ fileName }) => fileName);
}

async function filesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new AssayError("NOT_FOUND", { what: `The folder ${folder}` }, { cause: error });
  }
}

/** Reads a lockfile by its path. Throws USAGE for a name that is none, NOT_FOUND, and BAD_FORMAT. */
export async function readLockfile(path: string): Promise<Lockfile> {
  return parseLockfile(basename(path), await readLimited(path, maxLockfileBytes, "The lockfile"));
}

/** Reads a file of at most this many bytes. Throws NOT_FOUND, USAGE when it is no file, BAD_FORMAT when it is larger. */
export async function readLimited(path: string, maxBytes: number, what: string): Promise<Uint8Array> {
  let file;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw new AssayError("NOT_FOUND", { what: `${what} ${path}` }, { cause: error });
  }
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) throw new AssayError("USAGE", { reason: `${what} ${path} is a folder; name a file.` });
    const { size } = stat;
    if (size > maxBytes) throw new AssayError("BAD_FORMAT", { what, reason: `larger than ${maxBytes} bytes` });
    return await file.readFile();
  } finally {
    await file.close();
  }
}
