import { parseRecord } from "@assay/core";
import type { PackageName, Version } from "@assay/core";
import { bindKey } from "./claim-keys.ts";
import { coveredPositions } from "./covered.ts";
import type { ReadDependencies } from "./covered.ts";
import type { ShardList } from "./shard-list.ts";
import { entriesBetween } from "./store.ts";
import { pendingClaims } from "./store-claims.ts";

/** How much of the log's work the first download of a version waits for. */
export type ReleaseLevel = "claim" | "checkpoint" | "quorum";

/** Bound versions whose bytes may not leave yet. */
export interface ReleaseHold {
  /** Whether this version waits. In memory, without a look at the database: false for what nobody bound. */
  isHeld(name: PackageName, version: Version): boolean;
  /** Resolves when it may leave: at once, or within 5 s; then NOT_READY. */
  untilFree(name: PackageName, version: Version, signal: AbortSignal): Promise<void>;
}

/** The hold of a policy that waits for no checkpoint. */
export const noHold: ReleaseHold = { isHeld: () => false, untilFree: async () => {} };

export interface HoldDependencies extends ReadDependencies {
  readonly shards: ShardList;
}

const pageSize = 4096;

/**
 * Holds versions from their claim until a checkpoint covers it: of `deps.published`, which is what was signed or what
 * was made public, as the level asks. What waited when the process ended waits again.
 */
export async function createReleaseHold(
  deps: HoldDependencies,
  log: string,
  level: ReleaseLevel,
): Promise<ReleaseHold & { claimed(name: PackageName, version: Version): void }> {
  if (level === "claim") return { ...noHold, claimed: () => {} };
  const held = new Set<string>();
  for (const key of await waitingKeys(deps, log)) held.add(key);
  return {
    // Before the commit: a version must not be free between the two. What is not bound after all is free at once.
    claimed: (name, version) => void held.add(bindKey(name, version)),
    isHeld: (name, version) => held.has(bindKey(name, version)),
    async untilFree(name, version, signal) {
      const key = bindKey(name, version);
      if (!held.has(key)) return;
      await coveredPositions(deps, log, [key], signal);
      held.delete(key);
    },
  };
}

/** The binds that no checkpoint covers: claims without a place, and places behind the head. */
async function waitingKeys({ database, published, shards }: HoldDependencies, log: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const claim of await pendingClaims(database.read, log, Number.MAX_SAFE_INTEGER))
    if (claim.kind === "bind") keys.push(bindKey(claim.name as PackageName, claim.version as Version));
  for (const { id } of shards.visible(log)) {
    for (let from = published.get(id)?.size ?? 0; ; from += pageSize) {
      const entries = await entriesBetween(database.read, id, from, from + pageSize);
      for (const { record: text } of entries) {
        const record = parseRecord(text);
        if (record.kind === "bind") keys.push(bindKey(record.name, record.version));
      }
      if (entries.length < pageSize) break;
    }
  }
  return keys;
}
