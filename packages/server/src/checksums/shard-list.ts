import type { Reader } from "../platform/database/database.ts";
import { isSequenced } from "./start.ts";
import { listShards } from "./store-shards.ts";
import type { Shard } from "./store-shards.ts";

/** The shards that this process knows, newest first within each log; a rotation adds one while it runs. */
export interface ShardList {
  /** Every shard but one that is prepared and not open yet. */
  visible(log: string): readonly Shard[];
  /** The shard of a log that has something to sequence. */
  unfinished(log: string): Shard | undefined;
  /** Reads the shards again. */
  refresh(): Promise<void>;
}

/** Whether a shard is more than prepared. */
export function isVisible({ state }: Shard): boolean {
  return state !== "next" && state !== "recovering";
}

export function createShardList(reader: Reader, known: readonly Shard[]): ShardList {
  let shards = known;
  const of = (log: string) => shards.filter((shard) => shard.log === log && isVisible(shard));
  return {
    visible: of,
    unfinished: (log) => of(log).find(isSequenced),
    async refresh() {
      shards = await listShards(reader);
    },
  };
}
