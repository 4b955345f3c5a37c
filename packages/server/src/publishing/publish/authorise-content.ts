import { AssayError } from "@assay/core";
import type { HostedNames } from "../../identity/identity.ts";
import type { PublishRequest } from "./publish-request.ts";

/**
 * Second step's other half: a publish changes nothing but its version and tags. Who may see a package is decided when
 * it is made, and by `npm access` from then on. Throws FORBIDDEN.
 */
export function authoriseContent(
  names: Pick<HostedNames, "find" | "defaultVisibility">,
  { name, access }: PublishRequest,
): void {
  const standing = names.find(name);
  // Until reading asks who reads, what is published is there for everybody: nobody may believe otherwise.
  if ((standing?.visibility ?? access ?? names.defaultVisibility(name)) === "restricted")
    throw new AssayError("FORBIDDEN", {
      reason: `${name} would be restricted, and this registry shows everything to everybody yet; publish with --access public`,
    });
  if (standing === undefined || access === undefined || access === standing.visibility) return;
  throw new AssayError("FORBIDDEN", {
    reason: `${name} is ${standing.visibility} and a publish does not make it ${access}; use npm access`,
  });
}
