import type { Credentials } from "../http/credentials.ts";
import type { HostedNames } from "./names/names.ts";
import type { Permissions } from "./permissions/permissions.ts";
import type { Principal } from "./principal.ts";

export type { HostedNames, HostedPackage, NameClaim } from "./names/names.ts";
export type { Action, Decision, Permissions, Resource } from "./permissions/permissions.ts";
export { anonymous, type Grant, type Principal } from "./principal.ts";

/** People, CI identities, tokens, organisations, permissions. */
export interface Identity {
  /**
   * Who sends a request. Anonymous when it shows nothing; throws UNAUTHORIZED for a token, session or password that is
   * not good (any more), and TOO_MANY_REQUESTS for who guesses.
   */
  authenticate(credentials: Credentials): Promise<Principal>;
  readonly names: HostedNames;
  readonly permissions: Permissions;
}
