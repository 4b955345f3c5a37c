/** What an identity provider manages here by itself. The face of this part. */
import type { ProviderConfig } from "../../config/config.ts";
import { readLinkByExternalId } from "../sign-in/store-providers.ts";
import { createScimUsers, type ScimUsers, type ScimUsersDeps } from "./users.ts";

export interface Scim {
  readonly users: ScimUsers;
}

export function createScim(
  deps: Omit<ScimUsersDeps, "signedIn">,
  provider: Pick<ProviderConfig, "issuer" | "scimClaim">,
): Scim {
  return {
    users: createScimUsers(
      {
        ...deps,
        signedIn: async (reader, externalId) => (await readLinkByExternalId(reader, provider, externalId))?.account,
      },
      provider,
    ),
  };
}
