import type { PackageName } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";

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

  /**
   * Makes a package exist, in the caller's transaction. `there` when it does already. Call `changed` after the commit.
   * Throws FORBIDDEN for a name that is no organisation's.
   */
  claim(transaction: Transaction, claim: NameClaim): Promise<"made" | "there">;

  /** Looks at the database again for what this process just changed. */
  changed(): Promise<void>;

  /** Watches for changes by other processes until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface HostedPackage {
  readonly name: PackageName;
  readonly organisation: string;
  readonly visibility: "public" | "restricted";
}

export interface NameClaim {
  readonly name: PackageName;
  readonly visibility: "public" | "restricted";
  /** User name of its first owner; undefined for CI, whose organisation owns it then. */
  readonly owner: string | undefined;
}
