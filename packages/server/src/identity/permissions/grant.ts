import { patternCovers } from "@assay/core";
import type { Principal } from "../principal.ts";
import { levelHas, reachedOrganisations } from "../token-reach.ts";
import type { Action, Resource } from "./permissions.ts";

/**
 * Why a grant does not reach, or undefined when it does. It only takes away: asked beside the policies, which know
 * nothing of it, so that what a token may is never more than what its holder may.
 */
export function beyondGrant(
  { grant }: Pick<Principal, "grant">,
  action: Action,
  resource: Resource,
  organisation: string | undefined,
): string | undefined {
  if (grant === undefined) return undefined;
  if (!levelHas(grant.level, action)) return `the token is ${grant.level}`;
  const { packages } = grant;
  if (resource.kind === "package") {
    if (packages === undefined) return undefined;
    // What is public upstream is needed to install anything; a token for one package must not lose it.
    if (organisation === undefined && action === "read") return undefined;
    return packages.some((pattern) => patternCovers(pattern, resource.name))
      ? undefined
      : "the token is not for this package";
  }
  // A token that was cut down to something is not for what runs the registry, nor for settings that it does not name.
  const organisations = reachedOrganisations(grant);
  if (organisations === undefined) return undefined;
  if (resource.kind === "registry") return action === "read" ? undefined : "the token is not for the whole registry";
  const name = resource.kind === "organisation" ? resource.name : resource.organisation;
  return organisations.includes(name) ? undefined : "the token is not for this organisation";
}
