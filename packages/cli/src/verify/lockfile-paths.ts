import { stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { findLockfile, findLockfiles } from "@assay/verify/node";
import type { CliContext } from "../context.ts";
import { wrongUse } from "../errors.ts";

/** The lockfiles to check. */
export interface Located {
  /** Absolute, sorted. */
  readonly paths: readonly string[];
  /** Where the search for the trust file begins. */
  readonly folder: string;
  /** A path as the person wrote it, where it was a file; else whole, because npm may run commands in another folder. */
  readonly shown: (path: string) => string;
}

/**
 * Finds what to check: the file that is named, the one in the folder, with `all` everything below it. Throws USAGE when
 * several clients have a lockfile there and none is named, and NOT_FOUND.
 */
export async function locateLockfiles(
  context: Pick<CliContext, "cwd">,
  given: string | undefined,
  all: boolean,
): Promise<Located> {
  const place = resolve(context.cwd, given ?? ".");
  const isFolder = given === undefined || (await stat(place).catch(() => undefined))?.isDirectory() === true;
  if (all && !isFolder) throw wrongUse(`--all takes a folder, not the file ${given}.`);
  const paths = all ? await findLockfiles(place) : [isFolder ? await findLockfile(place) : place];
  return {
    paths,
    folder: isFolder ? place : dirname(place),
    shown: (path) => (given !== undefined && !isFolder && basename(given) === basename(path) ? given : path),
  };
}
