import { AssayError, type PackageName } from "@assay/core";
import { doerOf, type Action, type Doer, type Principal } from "../../identity/identity.ts";
import type { PublishingDeps } from "../create-publishing.ts";

/**
 * Whether this may be done to a package that lives here, and who does it by which policy. Throws what `Permissions.require` throws, FORBIDDEN for a name
 * that lives elsewhere.
 */
export async function requireWrite(
  { permissions, names }: Pick<PublishingDeps, "permissions" | "names">,
  principal: Principal,
  action: Action,
  name: PackageName,
): Promise<Doer> {
  const policy = await permissions.require(principal, action, { kind: "package", name });
  if (names.organisationOf(name) === undefined)
    throw new AssayError("FORBIDDEN", {
      reason: `${name} lives at an upstream; only what an organisation here owns is changed here`,
    });
  return doerOf(principal, action, policy);
}
