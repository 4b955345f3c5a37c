import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TrustPolicy } from "../trust.ts";
import { maxTrustFileBytes, parseTrustFile, trustFileName } from "../trust-file.ts";
import { readLimited } from "./lockfile-file.ts";

/** A trust file with what it says. */
export interface FoundTrust {
  readonly path: string;
  readonly policy: TrustPolicy;
}

/** The trust file of a folder, or of one above it in the same repository; undefined when there is none. Throws BAD_FORMAT. */
export async function readTrustFile(folder: string): Promise<FoundTrust | undefined> {
  const path = foldersOfRepository(folder)
    .map((place) => join(place, trustFileName))
    .find((place) => existsSync(place));
  if (path === undefined) return undefined;
  return { path, policy: parseTrustFile(await readLimited(path, maxTrustFileBytes, "The trust file")) };
}

/** Where a trust file of this folder belongs: at the root of its repository, or in itself. */
export function trustFilePlace(folder: string): string {
  return join(foldersOfRepository(folder).at(-1) ?? folder, trustFileName);
}

/** The folder and those above it up to the root of its repository; outside of one only itself, since anybody may write above. */
function foldersOfRepository(folder: string): readonly string[] {
  const folders: string[] = [];
  for (let place = folder; ; place = dirname(place)) {
    folders.push(place);
    if (existsSync(join(place, ".git"))) return folders;
    if (place === dirname(place)) return [folder];
  }
}
