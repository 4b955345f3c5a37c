import type { Credentials } from "../http/credentials.ts";
import type { Ci } from "./ci/ci.ts";
import type { HostedNames } from "./names/names.ts";
import type { Accounts } from "./people/accounts.ts";
import type { Invitations } from "./people/invitations.ts";
import type { PasswordResets } from "./people/password-resets.ts";
import type { EndAccess } from "./end-access.ts";
import type { RateLimit } from "./limits/limits.ts";
import type { Permissions } from "./permissions/permissions.ts";
import type { Principal } from "./principal.ts";
import type { ScimTokens } from "./scim/scim-tokens.ts";
import type { SignIn } from "./sign-in/sign-in.ts";
import type { Tokens } from "./tokens/tokens.ts";

export {
  createApprovals,
  type Approval,
  type ApprovalHandler,
  type Approvals,
  type NewApproval,
} from "./approvals/approvals.ts";
export { approvalRoutes } from "./approvals/routes.ts";
export { createGate, type Gate, type ManualOperation } from "./approvals/gate.ts";
export { actOf, doerOf, type Doer } from "./doer.ts";
export { createCi, type Ci } from "./ci/ci.ts";
export { withExclusive } from "./ci/exclusive.ts";
export { ciRoutes } from "./ci/routes.ts";
export { createIdentity, type IdentityDeps } from "./create-identity.ts";
export { identityMigrations } from "./migrations.ts";
export { hostedSaidOf } from "./names/name-rules.ts";
export { openHostedNames } from "./names/hosted-names.ts";
export type { HostedNames, HostedOrganisation, HostedPackage, NameClaim } from "./names/names.ts";
export { accessHandler, accessKind, accessOperation } from "./organisations/access-changes.ts";
export { createAccessActs, levelOf, type AccessActs } from "./organisations/access-acts.ts";
export { createOrganisations, type Organisations, type PackageSettings } from "./organisations/organisations.ts";
export { createProvided, type ProvidedMemberships } from "./organisations/provided.ts";
export { createAsking } from "./organisations/routes-asking.ts";
export { organisationRoutes } from "./organisations/routes.ts";
export type { Account, Accounts } from "./people/accounts.ts";
export {
  createPermissions,
  openPolicySets,
  type Action,
  type CiFacts,
  type Decision,
  type HolderFacts,
  type PackageFacts,
  type PermissionFacts,
  type Permissions,
  type PolicySets,
  type Resource,
  type TeamName,
} from "./permissions/permissions.ts";
export { openOrganisationPolicies, type OrganisationPolicies } from "./permissions/organisation-policies.ts";
export { createRateLimit, type RateLimit } from "./limits/limits.ts";
export { withRefusals } from "./permissions/refusals.ts";
export { explain, type Explanation } from "./permissions/explain.ts";
export { policyRoutes } from "./permissions/routes.ts";
export { policyHandler, policyKind } from "./permissions/waiting-policies.ts";
export { anonymous, type Grant, type Principal } from "./principal.ts";
export { identityRoutes } from "./routes.ts";
export { createScim, type Scim } from "./scim/scim.ts";
export { scimRoutes } from "./scim/routes.ts";
export { manageNeed, writeNeed } from "./sign-in/need.ts";
export type { Operation, StepUpRequest, StepUps } from "./sign-in/step-ups.ts";
export { ownForm, queryText, sendForms, settle, toSignIn, visitOf, type Visit } from "./sign-in/routes-visit.ts";
export { createStars, type Stars } from "./stars/stars.ts";
export { starRoutes } from "./stars/routes.ts";
export { createProvider, type Provider } from "./sign-in/provider.ts";
export { openVault } from "./sign-in/vault.ts";
export type { Token, Tokens } from "./tokens/tokens.ts";

/** People, CI identities, tokens, organisations, permissions. */
export interface Identity extends People {
  readonly names: HostedNames;
  readonly permissions: Permissions;
  readonly ci: Ci;
}

/** The part of the room that knows who somebody is. */
export interface People {
  /**
   * Who sends a request. Anonymous when it shows nothing, or a session that is over; throws UNAUTHORIZED for a token or
   * password that is not good (any more), and TOO_MANY_REQUESTS for who guesses.
   */
  authenticate(credentials: Credentials): Promise<Principal>;
  readonly accounts: Accounts;
  readonly invitations: Invitations;
  readonly resets: PasswordResets;
  readonly tokens: Tokens;
  /** Of the identity provider, for SCIM. */
  readonly scimTokens: ScimTokens;
  readonly endAccess: EndAccess;
  /** Sessions, second factors, web logins, and proofs that a person is there (`stepUps.require`). */
  readonly signIn: SignIn;
  /** Who may make an account by themselves: decided at the start, from the configuration alone. */
  readonly registration: "open" | "invite" | "closed";
  readonly limits: IdentityLimits;
  /** Writes what is written lazily, forgets what is over; until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

/** How often one may, in this process. Each throws TOO_MANY_REQUESTS. */
export interface IdentityLimits {
  /** Accounts that people make by themselves, by address block. */
  readonly registering: RateLimit;
  /** Tokens made, by principal id. */
  readonly making: RateLimit;
  /** Tokens that are reported as leaked, by address block. */
  readonly leaks: RateLimit;
}
