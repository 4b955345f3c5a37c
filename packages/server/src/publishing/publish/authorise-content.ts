import { AssayError } from "@assay/core";
import type { HostedNames } from "../../identity/identity.ts";
import type { Described } from "./publish-request.ts";

/**
 * Second step's other half: a publish changes nothing but its version and tags. Who may see a package is decided when
 * it is made, and by `npm access` from then on. Throws FORBIDDEN.
 */
export function authoriseContent(names: Pick<HostedNames, "find">, { name, access }: Described): void {
  const standing = names.find(name);
  if (standing === undefined || access === undefined || access === standing.visibility) return;
  throw new AssayError("FORBIDDEN", {
    reason: `${name} is ${standing.visibility} and a publish does not make it ${access}; use npm access`,
  });
}
