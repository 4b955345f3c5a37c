import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PackageName } from "@assay/core";

/** Raised when the same document would be taken apart differently: files of older code are not read. */
const layout = 2;

/** `<folder>/<2 hex>/<30 hex of the name's SHA-256>/<digest>.v<layout>`: a folder a package, safe for any name. */
export function partsPathOf(folder: string, name: PackageName, digest: string): string {
  const hash = createHash("sha256").update(name).digest("hex");
  return join(folder, hash.slice(0, 2), hash.slice(2, 32), `${digest}.v${layout}`);
}

/**
 * Removes a package's files but for those of the digests to keep: the current document and the one before it, which
 * somebody may still be reading. Safe at any time: everything here can be rebuilt.
 */
export async function prune(partsPath: string, keep: readonly string[]): Promise<void> {
  const folder = dirname(partsPath);
  let files: string[];
  try {
    files = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  const old = files.filter((file) => !keep.some((digest) => file === `${digest}.v${layout}`));
  await Promise.all(old.map((file) => rm(join(folder, file), { force: true })));
}
