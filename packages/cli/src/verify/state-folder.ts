import { join, resolve } from "node:path";
import type { CliContext } from "../context.ts";
import { wrongUse } from "../errors.ts";

/** Where the last checkpoints seen are kept. XDG Base Directory Specification: state that should persist, but is no configuration. */
export function stateFolder(context: Pick<CliContext, "env" | "cwd">, given: string | undefined): string {
  const { env, cwd } = context;
  if (given !== undefined) return resolve(cwd, given);
  const base = env["XDG_STATE_HOME"] ?? env["LOCALAPPDATA"];
  if (base !== undefined && base !== "") return join(base, "assay");
  const home = env["HOME"] ?? env["USERPROFILE"];
  if (home === undefined || home === "")
    throw wrongUse("There is no home folder to keep the last checkpoint in; give one with --state <folder>.");
  return join(home, ".local", "state", "assay");
}
