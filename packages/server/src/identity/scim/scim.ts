/** What an identity provider manages here by itself. The face of this part. */
import type { ProviderConfig } from "../../config/config.ts";
import { readLinkByExternalId } from "../sign-in/store-providers.ts";
import { createScimGroups, type ScimGroups } from "./groups.ts";
import { createMemberships, type MembershipsDeps } from "./memberships.ts";
import { createScimUsers, type ScimUsers, type ScimUsersDeps } from "./users.ts";

export interface Scim {
  readonly users: ScimUsers;
  readonly groups: ScimGroups;
  /** Looks after memberships, until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export function createScim(
  deps: Omit<ScimUsersDeps, "signedIn" | "memberships"> & MembershipsDeps,
  provider: Pick<ProviderConfig, "issuer" | "scimClaim" | "recheckMinutes">,
): Scim {
  const memberships = createMemberships(deps, provider);
  const signedIn: ScimUsersDeps["signedIn"] = async (reader, externalId) =>
    (await readLinkByExternalId(reader, provider, externalId))?.account;
  return {
    users: createScimUsers({ ...deps, memberships, signedIn }, provider),
    groups: createScimGroups({ ...deps, memberships }, provider),
    run: memberships.run,
  };
}
