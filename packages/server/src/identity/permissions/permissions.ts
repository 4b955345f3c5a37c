import type { PackageName } from "@assay/core";
import type { Principal } from "../principal.ts";

export { policyMigrations } from "./migrations.ts";
export { createPermissions } from "./create-permissions.ts";
export type { CiFacts, HolderFacts, PackageFacts, PermissionFacts, TeamName } from "./facts.ts";
export { openPolicySets, type PolicySets } from "./policy-sets.ts";

/** All that can be allowed or refused. */
export const actions = [
  "read",
  "publish",
  "stage",
  "approve",
  "tag",
  "deprecate",
  "unpublish",
  /** Owners and team access of a package. */
  "own",
  /** Visibility and other settings of a package. */
  "configure",
  /** Trust rules of a package. */
  "trust",
  "promote",
  "rollback",
  "quarantine",
  "release",
  "recall",
  /** Members, teams and policies of an organisation; everything of the registry. */
  "administer",
  /** Read the audit trail. */
  "audit",
] as const;

export type Action = (typeof actions)[number];

export type Resource =
  | { readonly kind: "package"; readonly name: PackageName }
  | { readonly kind: "organisation"; readonly name: string }
  | { readonly kind: "channel"; readonly organisation: string; readonly name: string }
  | { readonly kind: "registry" };

export type Decision =
  | { readonly allowed: true; /** Id of the policy that decided. */ readonly policy: string }
  | {
      readonly allowed: false;
      /** Id of the policy that forbids; undefined: none allows. */
      readonly policy: string | undefined;
      /** What is missing, as the rest of a sentence that begins `Not allowed: `. */
      readonly reason: string;
      /** True when not even reading is allowed: then nothing may be told that shows that it exists. */
      readonly isHidden: boolean;
    };

/** The one place that answers every permission question. */
export interface Permissions {
  /** Never throws for a question of known kind: what cannot be decided is refused. */
  decide(principal: Principal, action: Action, resource: Resource): Promise<Decision>;

  /**
   * The same for who cannot go on without; answers the policy that decided. Throws UNAUTHORIZED for who showed no credentials, whatever is there or not,
   * except that reading what is hidden from it is NOT_FOUND where anybody may read what is public; else NOT_FOUND for
   * what is hidden from the principal, and FORBIDDEN with the deciding policy in its sentence.
   */
  require(principal: Principal, action: Action, resource: Resource): Promise<string>;

  /**
   * Those of these packages that the principal may read, in their order: as `decide` says of each, but decided once for
   * all that no fact and no policy tells apart. Where a policy looks at each by itself, 2,000 of an organisation are decided at
   * most, and 4,000 in all, divided among the organisations.
   */
  readable(principal: Principal, names: readonly PackageName[]): Promise<readonly PackageName[]>;

  /** True when anybody may read the package without credentials. At once, from memory: asked before any routing. */
  isOpen(name: PackageName): boolean;
}
