import { access, open } from "node:fs/promises";
import { basename, join } from "node:path";
import { AssayError } from "@assay/core";
import type { Lockfile } from "../lockfile/lockfile.ts";
import { maxLockfileBytes, parsePackageLock } from "../lockfile/package-lock.ts";

/** npm takes the first of these that exists. */
const npmNames = ["npm-shrinkwrap.json", "package-lock.json"];
const otherNames = ["pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb", "deno.lock", "vlt-lock.json"];

/**
 * The lockfile that npm would use in a folder. Throws NOT_FOUND, naming what was looked for, and the lockfile of
 * another client where there is one.
 */
export async function findLockfile(folder: string): Promise<string> {
  for (const name of npmNames) {
    const path = join(folder, name);
    if (await exists(path)) return path;
  }
  for (const name of otherNames) {
    if (await exists(join(folder, name)))
      throw new AssayError("NOT_FOUND", {
        what: `${npmNames.join(" or ")} in ${folder} (there is a ${name}, which cannot be read yet)`,
      });
  }
  throw new AssayError("NOT_FOUND", { what: `${npmNames.join(" or ")} in ${folder}` });
}

/** Reads a lockfile by its path. Throws USAGE for another client's, NOT_FOUND, and BAD_FORMAT as `parsePackageLock` does. */
export async function readLockfile(path: string): Promise<Lockfile> {
  if (otherNames.includes(basename(path)))
    throw new AssayError("USAGE", {
      reason: `${basename(path)} cannot be read yet; supported are ${npmNames.join(" and ")}.`,
    });
  return parsePackageLock(await readLimited(path, maxLockfileBytes, "The lockfile"));
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

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
