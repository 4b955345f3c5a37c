import { AssayError, type PackageName } from "@assay/core";
import type { Database } from "../../platform/database/database.ts";
import type { HostedNames } from "../names/names.ts";
import type { Decision, Permissions } from "../permissions/permissions.ts";
import type { Principal } from "../principal.ts";
import { isTrustedOnly } from "./store.ts";

/** Id that stands for a policy in refusals and in the audit trail. */
const policy = "trusted-publishers-only";

/**
 * Why a principal may not publish a package that trusted CI alone publishes, itself or with its whole organisation.
 * Undefined: it may, as far as this goes. Staging is left to everybody who may stage: a person approves it.
 */
export async function exclusiveRefusal(
  { database, names }: { readonly database: Database; readonly names: Pick<HostedNames, "organisationOf"> },
  { kind }: Pick<Principal, "kind">,
  name: PackageName,
): Promise<Extract<Decision, { allowed: false }> | undefined> {
  if (kind === "ci") return undefined;
  const organisation = names.organisationOf(name);
  const isExclusive =
    (await isTrustedOnly(database.read, { kind: "package", name })) ||
    (organisation !== undefined && (await isTrustedOnly(database.read, { kind: "organisation", name: organisation })));
  if (!isExclusive) return undefined;
  return {
    allowed: false,
    policy,
    reason: `${name} is published by trusted CI alone: let its workflow run npm publish (see npm trust list ${name}), or use npm stage publish and have it approved`,
    isHidden: false,
  };
}

/** Permissions that know of `exclusiveRefusal`. Asked last: who may not see a package learns nothing of it. */
export function withExclusive(
  permissions: Permissions,
  deps: { readonly database: Database; readonly names: Pick<HostedNames, "organisationOf"> },
): Permissions {
  async function decide(...[principal, action, resource]: Parameters<Permissions["decide"]>): Promise<Decision> {
    const decision = await permissions.decide(principal, action, resource);
    if (!decision.allowed || action !== "publish" || resource.kind !== "package") return decision;
    return (await exclusiveRefusal(deps, principal, resource.name)) ?? decision;
  }
  return {
    ...permissions,
    decide,
    async require(principal, action, resource) {
      await permissions.require(principal, action, resource);
      const decision = await decide(principal, action, resource);
      if (decision.allowed) return decision.policy;
      throw new AssayError("FORBIDDEN", { reason: `${decision.reason} (policy ${policy})`, policy });
    },
  };
}
