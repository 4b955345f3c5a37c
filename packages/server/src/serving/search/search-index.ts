import type { PackageName, Version } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { Match } from "./terms.ts";

/** What is found, and what of a package is shown with it. */
export interface SearchEntry {
  readonly name: PackageName;
  /** A hosted package may be hidden from who searches; what upstreams list is not. */
  readonly isHosted: boolean;
  /** What `latest` points to, as listed. */
  readonly version: Version;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly license: string;
  /** When that version was published. */
  readonly dateMs: number;
  /** When the package changed last. */
  readonly updatedMs: number;
  readonly homepage: string;
  readonly repository: string;
  readonly bugs: string;
  /** User names; empty where the listing has none. Mail addresses are not kept. */
  readonly author: string;
  readonly publisher: string;
  readonly maintainers: readonly string[];
}

export interface PageRequest {
  /** Hosted packages that match and that the caller may not know of. */
  readonly hidden: readonly PackageName[];
  readonly from: number;
  readonly size: number;
}

/**
 * Full text over what is known here, one row a package. Both implementations hold the same terms (`terms.ts`), so they
 * find the same packages in the same order: the exact name, names whose part after the scope is the text, names that
 * begin with it, then what matches in names, in names and keywords, anywhere; within each, shorter names first.
 */
export interface SearchIndex {
  /** Puts the entry in place of the package's former one, in the transaction that changes what is shown of it. */
  put(transaction: Transaction, entry: SearchEntry): Promise<void>;

  /** Takes a package out; nothing happens when it is not in. */
  remove(transaction: Transaction, name: PackageName): Promise<void>;

  /** Takes everything out. */
  clear(transaction: Transaction): Promise<void>;

  /** True when the package is in. */
  has(reader: Reader, name: PackageName): Promise<boolean>;

  /** Names of the hosted packages that match, in no order. */
  hosted(match: Match): Promise<readonly PackageName[]>;

  /** How many match but the hidden ones, and those from `from` on, `size` at most. */
  page(
    match: Match,
    request: PageRequest,
  ): Promise<{ readonly total: number; readonly entries: readonly SearchEntry[] }>;
}
