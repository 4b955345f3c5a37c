import { isAssayError, type EpochMs, type PackageName } from "@assay/core";
import type { Checksums } from "../checksums/checksums.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Releases } from "../releases/releases.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { Budget } from "./budget.ts";
import type { Walk } from "./walk.ts";

export interface ListingWalkDeps {
  readonly checksums: Pick<Checksums, "boundNameAfter" | "countBound">;
  readonly upstreams: Pick<Upstreams, "sourcesOf" | "ownerOf" | "revalidate" | "mirrorListing">;
  readonly releases: Pick<Releases, "sight">;
  readonly database: Database;
  readonly clock: Clock;
  /** Requests. */
  readonly budget: Budget;
  /** One packument that should be read again was not looked at younger than this. */
  readonly youngMs: number;
  readonly onFailure: (source: string, name: PackageName, reason: string) => void;
}

/**
 * Reads the packument of every bound name again, at its owner and at each mirror. The owner's is what any client would
 * cause: `upstreams` stores it when it changed, and `releases` takes note of what it says. Of a mirror's only what
 * differs from binds is on record.
 */
export function createListingWalk(deps: ListingWalkDeps): Walk<PackageName> {
  const { checksums, upstreams, releases, database, clock, budget } = deps;

  async function readMirror(name: PackageName, source: string): Promise<void> {
    const listing = await upstreams.mirrorListing(name, source);
    if (listing === undefined) return;
    const versions = listing.versions.map(({ version, integrity, manifest }) => {
      return { version, integrity, manifest, publishedMs: undefined };
    });
    const sighting = { name, source, isMirror: true, atMs: clock.now() satisfies EpochMs, versions };
    await database.write((transaction) => releases.sight(transaction, sighting));
    listing.settle();
  }

  return {
    name: "listings",
    count: async () => (await checksums.countBound()).names,
    async next(cursor) {
      const name = await checksums.boundNameAfter(cursor === "" ? undefined : (cursor as PackageName));
      return name && { cursor: name, item: name };
    },
    async look(name, signal) {
      const owner = upstreams.ownerOf(name);
      for (const source of upstreams.sourcesOf(name)) {
        await budget.spend(1, signal);
        if (signal.aborted) return;
        try {
          if (source === owner) await upstreams.revalidate(name, clock.now() - deps.youngMs);
          else await readMirror(name, source);
        } catch (error) {
          if (!isAssayError(error)) throw error;
          deps.onFailure(source, name, error.message);
        }
      }
    },
  };
}
