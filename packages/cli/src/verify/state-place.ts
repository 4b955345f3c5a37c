import { resolve } from "node:path";
import { stateFolder } from "@assay/verify/node";
import type { CliContext } from "../context.ts";

/** Where the last checkpoints seen are kept: as given, else the user's own place. Throws USAGE where there is none. */
export function stateFolderFor(context: Pick<CliContext, "env" | "cwd">, given: string | undefined): string {
  return given === undefined ? stateFolder(context.env) : resolve(context.cwd, given);
}
