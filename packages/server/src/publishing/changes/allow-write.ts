import { AssayError, isAssayError, type PackageName } from "@assay/core";
import { doerOf, type Action, type Doer, type Principal } from "../../identity/identity.ts";
import type { PublishingDeps } from "../create-publishing.ts";

/**
 * Whether this may be done to a package that lives here, and who does it by which policy. Throws what `Permissions.require`
 * throws; of a name that does not live here and of one that is hidden the same FORBIDDEN, so that it tells nothing.
 */
export async function requireWrite(
  { permissions, names }: Pick<PublishingDeps, "permissions" | "names">,
  principal: Principal,
  action: Action,
  name: PackageName,
): Promise<Doer> {
  const elsewhere = (): AssayError<"FORBIDDEN"> =>
    new AssayError("FORBIDDEN", {
      reason: `${name} is none of the packages that live here and that you may see; only what an organisation here owns is changed here`,
    });
  const policy = await permissions.require(principal, action, { kind: "package", name }).catch((error: unknown) => {
    throw isAssayError(error, "NOT_FOUND") ? elsewhere() : error;
  });
  if (names.organisationOf(name) === undefined) throw elsewhere();
  return doerOf(principal, action, policy);
}
