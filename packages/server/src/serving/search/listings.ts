import type { Version } from "@assay/core";
import { isLostParts, type ListingWatch, type Packument } from "../../upstreams/upstreams.ts";
import { describe, readEntry } from "./entry.ts";
import type { SearchEntry, SearchIndex } from "./search-index.ts";

/** Puts what upstreams list into the index, in the transaction in which they remember it. */
export function indexListings(index: SearchIndex): ListingWatch {
  return {
    async listed(packument) {
      const entry = await readListing(packument);
      return (transaction) => index.put(transaction, entry);
    },
    gone: (transaction, name) => index.remove(transaction, name),
  };
}

/** The cache may be deleted at any time: then the package is found by its name until it changes again. */
async function readListing(packument: Packument): Promise<SearchEntry> {
  try {
    return await readEntry(packument);
  } catch (error) {
    if (!isLostParts(error)) throw error;
    const { name, tags, modifiedMs } = packument;
    const version = tags["latest"] ?? ("" as Version);
    return describe({}, { name, isHosted: false, version, dateMs: modifiedMs, updatedMs: modifiedMs });
  }
}
