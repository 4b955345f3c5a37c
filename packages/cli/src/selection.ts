import type { Selection } from "@assay/server/mirroring";
import { wrongUse } from "./errors.ts";

/** How people say which packages they mean. */
export interface SelectionOptions {
  readonly lockfile?: readonly string[];
  readonly used?: boolean;
}

/** Reads names and lockfiles; `toDo` says what there would be nothing of. Throws USAGE, and what `readLockfile` throws. */
export async function readSelection(
  names: readonly string[],
  { lockfile: paths = [], used = false }: SelectionOptions,
  toDo: "mirror" | "export",
): Promise<Pick<Selection, "names" | "used" | "lockfiles">> {
  if (names.length === 0 && paths.length === 0 && !used)
    throw wrongUse(`Nothing to ${toDo}: name packages, or give --lockfile or --used.`);
  const { readLockfile } = await import("@assay/verify/node");
  const { parseWanted } = await import("@assay/server/mirroring");
  return { names: names.map(parseWanted), used, lockfiles: await Promise.all(paths.map(readLockfile)) };
}
