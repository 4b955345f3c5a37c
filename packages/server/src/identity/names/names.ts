import type { PackageName } from "@assay/core";
import type { HostedConfig } from "../../config/config.ts";
import type { Reader, Transaction } from "../../platform/database/database.ts";

/**
 * The names that live here. Held in memory and changed by the database's word alone, so that asking costs nothing and
 * works before any routing: a name that is ours must never be asked of an upstream.
 */
export interface HostedNames {
  /**
   * The organisation whose name this is: of its scope, of a pattern in the configuration, or of a package that was
   * claimed by itself. Undefined: it is an upstream's. Whether such a package exists is not said.
   */
  organisationOf(name: PackageName): string | undefined;

  /** What is known of a package that exists here. */
  find(name: PackageName): HostedPackage | undefined;

  /** An organisation of this name. */
  organisation(name: string): HostedOrganisation | undefined;

  /** The packages that exist, in byte order: of one organisation, or all. */
  packages(organisation?: string): readonly HostedPackage[];

  /** Names of the packages of an organisation by the database's word, which this process may not have heard yet. */
  listed(reader: Reader, organisation: string): Promise<readonly PackageName[]>;

  /** What a new package of this name is where its publisher does not say. */
  defaultVisibility(name: PackageName): HostedPackage["visibility"];

  /** What the configuration says of how such names are published; undefined: nothing. */
  saidOf(name: PackageName): HostedConfig | undefined;

  /** Another number after every change of names, or of who may do what with them. */
  generation(): number;

  /**
   * Resolves when what this process knows is young enough to send a name away: a scope that somebody was told is
   * theirs is known by then. Rejects when the database does not answer.
   */
  current(): Promise<void>;

  /**
   * Makes a package exist, in the caller's transaction. `there` when it does already. Call `changed` after the commit.
   * Throws FORBIDDEN for a name that is no organisation's, and CONFLICT for one that is easily taken for another that
   * exists here, which it names.
   */
  claim(transaction: Transaction, claim: NameClaim): Promise<"made" | "there">;

  /**
   * Gives a name to an organisation though no rule does, and makes it a package that exists: no upstream is asked for it
   * any more. Returns when every process knows. For whoever runs the registry, whose id is `by`. Throws NOT_FOUND for an
   * organisation that is not there, CONFLICT for a name that is somebody's here, an upstream's by itself, or alike.
   */
  assign(by: string, claim: Required<Pick<NameClaim, "name" | "visibility" | "organisation">>): Promise<void>;

  /**
   * Makes an organisation, and its scope hosted, in the caller's transaction. Call `changed` after the commit, before
   * anybody is told. Throws CONFLICT for a name that is taken, is easily taken for another, or is an upstream's.
   */
  found(transaction: Transaction, organisation: HostedOrganisation): Promise<void>;

  /**
   * Looks at the database again for what this process just changed. When names were taken from upstreams a moment ago
   * it resolves only after every process must have looked too.
   */
  changed(): Promise<void>;

  /** Watches for changes by other processes until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface HostedOrganisation {
  readonly name: string;
  /** The person whose own organisation it is; undefined: of no one person. */
  readonly person: string | undefined;
}

export interface HostedPackage {
  readonly name: PackageName;
  readonly organisation: string;
  readonly visibility: "public" | "restricted";
  readonly publishRequiresTfa: boolean;
  readonly automationOverridesTfa: boolean;
}

export interface NameClaim {
  readonly name: PackageName;
  /** Undefined: as `defaultVisibility` says. */
  readonly visibility: "public" | "restricted" | undefined;
  /** User name of its first owner; undefined for CI, whose organisation owns it then. */
  readonly owner: string | undefined;
  /** Only for who administers the registry: the organisation that gets a name which is nobody's here yet. */
  readonly organisation?: string;
}
