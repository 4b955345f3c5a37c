import type { Reader } from "../platform/database/database.ts";
import { isSequenced } from "./start.ts";
import { listShards } from "./store-shards.ts";
import type { Shard } from "./store-shards.ts";

/** The shards that this process knows, newest first within each log; a rotation adds one while it runs. */
export interface ShardList {
  /** Every shard but one that is prepared and not open yet. */
  visible(log: string): readonly Shard[];
  /** Every log that has such a shard, sorted. */
  logs(): readonly string[];
  /** The shard of a log that has something to sequence. */
  unfinished(log: string): Shard | undefined;
  /** Reads the shards again. */
  refresh(): Promise<void>;
}

/** Whether a shard is more than prepared. */
export function isVisible({ state }: Shard): boolean {
  return state !== "next" && state !== "recovering";
}

function byLog(shards: readonly Shard[]): ReadonlyMap<string, readonly Shard[]> {
  return Map.groupBy(shards.filter(isVisible), ({ log }) => log);
}

export function createShardList(reader: Reader, known: readonly Shard[]): ShardList {
  // By log: a registry with many organisations is asked for one of them at each request.
  let shards = byLog(known);
  const of = (log: string) => shards.get(log) ?? [];
  return {
    visible: of,
    logs: () => [...shards.keys()],
    unfinished: (log) => of(log).find(isSequenced),
    async refresh() {
      shards = byLog(await listShards(reader));
    },
  };
}
