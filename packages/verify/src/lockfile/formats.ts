import { AssayError } from "@assay/core";
import { parseBunLock } from "./bun-lock.ts";
import { parseDenoLock } from "./deno-lock.ts";
import type { Lockfile, LockfileClient } from "./lockfile.ts";
import { parsePackageLock } from "./package-lock.ts";
import { parsePnpmLock } from "./pnpm-lock.ts";
import { parseVltLock } from "./vlt-lock.ts";
import { parseYarnBerry } from "./yarn-berry.ts";
import { parseYarnClassic } from "./yarn-classic.ts";

/** A file that a package manager keeps its lock in. */
export interface LockfileFormat {
  readonly fileName: string;
  readonly client: LockfileClient;
  /** Throws BAD_FORMAT, naming the place. */
  readonly parse: (bytes: Uint8Array) => Lockfile;
}

/** Every lockfile that is read, in the order in which one client prefers its own. */
export const lockfileFormats: readonly LockfileFormat[] = [
  { fileName: "npm-shrinkwrap.json", client: "npm", parse: parsePackageLock },
  { fileName: "package-lock.json", client: "npm", parse: parsePackageLock },
  { fileName: "pnpm-lock.yaml", client: "pnpm", parse: parsePnpmLock },
  { fileName: "yarn.lock", client: "yarn", parse: parseYarnLock },
  { fileName: "bun.lock", client: "bun", parse: parseBunLock },
  { fileName: "deno.lock", client: "deno", parse: parseDenoLock },
  { fileName: "vlt-lock.json", client: "vlt", parse: parseVltLock },
];

/** Reads a lockfile by its name and content. Throws USAGE for a name that no client uses, and BAD_FORMAT. */
export function parseLockfile(fileName: string, bytes: Uint8Array): Lockfile {
  if (fileName === "bun.lockb")
    throw new AssayError("USAGE", {
      reason: "bun.lockb cannot be read; write it as text with bun install --save-text-lockfile.",
    });
  const format = lockfileFormats.find((each) => each.fileName === fileName);
  if (format !== undefined) return format.parse(bytes);
  const known = lockfileFormats.map((each) => each.fileName).join(", ");
  throw new AssayError("USAGE", { reason: `${fileName} is no lockfile; known are ${known}.` });
}

/** Yarn 1 and Yarn 2 and later use one name; only the latter's file has a line `__metadata:`. */
function parseYarnLock(bytes: Uint8Array): Lockfile {
  return isBerry(bytes) ? parseYarnBerry(bytes) : parseYarnClassic(bytes);
}

function isBerry(bytes: Uint8Array): boolean {
  return /^__metadata:/m.test(new TextDecoder().decode(bytes));
}
