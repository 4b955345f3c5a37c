import { join } from "node:path";
import { AssayError } from "@assay/core";

/**
 * Where the last checkpoints seen are kept, unless a person says otherwise: state that should persist, but is no
 * configuration (XDG Base Directory Specification). Throws USAGE where there is no home.
 */
export function stateFolder(env: Readonly<Record<string, string | undefined>>): string {
  const base = env["XDG_STATE_HOME"] ?? env["LOCALAPPDATA"];
  if (base !== undefined && base !== "") return join(base, "assay");
  const home = env["HOME"] ?? env["USERPROFILE"];
  if (home === undefined || home === "")
    throw new AssayError("USAGE", {
      reason: "There is no home folder to keep the last checkpoint in; set HOME or XDG_STATE_HOME.",
    });
  return join(home, ".local", "state", "assay");
}
