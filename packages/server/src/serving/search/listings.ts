import type { PackageName, Version } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import { isLostParts, type ListingWatch, type Packument } from "../../upstreams/upstreams.ts";
import { describe, readEntry } from "./entry.ts";
import type { SearchEntry, SearchIndex } from "./search-index.ts";

/** Puts what upstreams list into the index, in the transaction in which they remember it. */
export function indexListings(index: SearchIndex, isHosted: (name: PackageName) => boolean): ListingWatch {
  return {
    async listed(packument) {
      const entry = await readListing(packument, isHosted(packument.name));
      return (transaction) => index.put(transaction, entry);
    },
    gone: (transaction, name) => index.remove(transaction, name),
  };
}

/** What is listed of a package that lives here. */
export interface HostedListing extends Pick<SearchEntry, "name" | "version" | "dateMs" | "updatedMs"> {
  /** The version object that `latest` points to. */
  readonly manifest: Readonly<Record<string, unknown>>;
}

/** Whoever changes packages that live here says so in the transaction of the change. */
export interface HostedListings {
  listed(transaction: Transaction, listing: HostedListing): Promise<void>;
  /** Nothing of the package is listed any more. */
  gone(transaction: Transaction, name: PackageName): Promise<void>;
}

export function hostedListings(index: SearchIndex): HostedListings {
  return {
    listed: (transaction, { manifest, ...of }) => index.put(transaction, describe(manifest, { ...of, isHosted: true })),
    gone: (transaction, name) => index.remove(transaction, name),
  };
}

/** The cache may be deleted at any time: then the package is found by its name until it changes again. */
async function readListing(packument: Packument, isHosted: boolean): Promise<SearchEntry> {
  try {
    return await readEntry(packument, isHosted);
  } catch (error) {
    if (!isLostParts(error)) throw error;
    const { name, tags, modifiedMs } = packument;
    const version = tags["latest"] ?? ("" as Version);
    return describe({}, { name, isHosted, version, dateMs: modifiedMs, updatedMs: modifiedMs });
  }
}
