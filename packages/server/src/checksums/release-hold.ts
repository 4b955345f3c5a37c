import { parseRecord } from "@assay/core";
import type { PackageName, Version } from "@assay/core";
import { bindKey } from "./claim-keys.ts";
import { coveredPositions } from "./covered.ts";
import type { ReadDependencies } from "./covered.ts";
import type { ShardList } from "./shard-list.ts";
import { isOwnLog } from "./log-ids.ts";
import { logsWithWork } from "./store-lead.ts";
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

export interface HoldDependencies extends Omit<ReadDependencies, "published"> {
  readonly shards: ShardList;
  /** Of a log, as the level asks: what was signed, or what was made public. */
  readonly publishedOf: (log: string) => ReadDependencies["published"];
}

const pageSize = 4096;

/**
 * Holds versions from their claim until a checkpoint of their log covers it. What waited when the process ended waits
 * again.
 */
export async function createReleaseHold(
  deps: HoldDependencies,
  logOf: (name: PackageName) => string,
  level: ReleaseLevel,
): Promise<ReleaseHold & { claimed(name: PackageName, version: Version): void }> {
  if (level === "claim") return { ...noHold, claimed: () => {} };
  const held = new Set<string>();
  for (const key of await waitingKeys(deps)) held.add(key);
  return {
    // Before the commit: a version must not be free between the two. What is not bound after all is free at once.
    claimed: (name, version) => void held.add(bindKey(name, version)),
    isHeld: (name, version) => held.has(bindKey(name, version)),
    async untilFree(name, version, signal) {
      const key = bindKey(name, version);
      if (!held.has(key)) return;
      const log = logOf(name);
      await coveredPositions({ ...deps, published: deps.publishedOf(log) }, log, [key], signal);
      held.delete(key);
    },
  };
}

/** The binds that no checkpoint covers: claims without a place, and places behind the head. */
async function waitingKeys({ database, publishedOf, shards }: HoldDependencies): Promise<readonly string[]> {
  const keys: string[] = [];
  // Also of logs that have no shard yet.
  for (const log of new Set([...shards.logs(), ...(await logsWithWork(database.read))]).values()) {
    if (!isOwnLog(log)) continue;
    for (const claim of await pendingClaims(database.read, log, Number.MAX_SAFE_INTEGER))
      if (claim.kind === "bind") keys.push(bindKey(claim.name as PackageName, claim.version as Version));
  }
  for (const { id, log } of shards.logs().flatMap((each) => shards.visible(each))) {
    for (let from = publishedOf(log).get(id)?.size ?? 0; ; from += pageSize) {
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
