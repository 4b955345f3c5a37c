import { AssayError, isAssayError } from "@assay/core";
import {
  createFollower,
  createHttpFollowEffects,
  findSuccessor,
  listLogs,
  noTileCache,
  openPredecessor,
  predecessorIn,
  successorIn,
  trustLog,
  type Follower,
  type FollowEffects,
  type FollowPolicy,
  type ListedLog,
  type ProvenTree,
} from "@assay/verify";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import { sha256 } from "./audit-tables.ts";
import { addShard, markShard, noteOf, shardsOf, swapNote, type ShardRow } from "./store.ts";

export interface LineageDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
}

/** A log to follow: the key that was given, and where its checkpoint and tiles are. */
export interface MonitoredLog {
  readonly vkey: string;
  /** No trailing slash. */
  readonly url: string;
  readonly policy: FollowPolicy;
}

/** A shard and its newest proven tree. */
export interface ProvenShard {
  readonly row: ShardRow;
  readonly tree: ProvenTree;
}

/** The shards of one log, as the key that was given leads to them in both directions. */
export interface Lineage {
  readonly vkey: string;
  readonly origin: string;
  /**
   * Fetches and proves the newest tree, and finds the shards after and before. Answers all of them, oldest first.
   * Throws as `Follower.update`; when a successor is named and not listed, a sentence in `notes` says so.
   */
  update(): Promise<{ readonly shards: readonly ProvenShard[]; readonly notes: readonly string[] }>;
  /** Every shard that has a proven tree, oldest first, without asking anybody. */
  shards(): Promise<readonly ProvenShard[]>;
  /** The newest proven tree of a shard, without asking anybody. */
  treeOf(vkey: string): Promise<ProvenTree | undefined>;
  /** A tile of a shard, from where it is served. */
  readonly fetchTile: FollowEffects["fetchTile"];
}

/** Opens a log; its row is made on first use. Nobody is asked. Throws BAD_FORMAT on a vkey that is none. */
export async function openLineage(deps: LineageDependencies, log: MonitoredLog): Promise<Lineage> {
  const { database, clock } = deps;
  const pinned = trustLog(log.vkey, log.url);
  const registry = /^(.*)\/-\/log\/[^/]+$/.exec(log.url)?.[1];
  const sleep = (ms: number): Promise<void> => clock.sleep(ms);
  const effects: FollowEffects = {
    ...createHttpFollowEffects({ fetch: deps.fetch, sleep, registry: registry ?? log.url }),
    ...noTileCache,
    readCheckpoint: (vkey) => noteOf(database.read, vkey),
    swapCheckpoint: (vkey, previous, next) =>
      database.write((transaction) => swapNote(transaction, vkey, previous, next)),
    nowSeconds: () => Math.floor(clock.now() / 1000),
    sleep,
  };
  const followers = new Map<string, Follower>();
  await database.write((transaction) =>
    addShard(transaction, { ...shardOf(pinned.vkey, log.url), number: 0, isFinal: false }),
  );

  function shardOf(vkey: string, url: string): Pick<ShardRow, "vkey" | "lineage" | "origin" | "url"> {
    return { vkey, url, lineage: log.vkey, origin: trustLog(vkey).origin };
  }

  function followerOf({ vkey, url }: Pick<ShardRow, "vkey" | "url">): Follower {
    let follower = followers.get(vkey);
    if (follower === undefined) {
      follower = createFollower({ sha256, effects, log: trustLog(vkey, url), policy: log.policy });
      followers.set(vkey, follower);
    }
    return follower;
  }

  const rows = (): Promise<readonly ShardRow[]> => shardsOf(database.read, log.vkey);
  /** Where the registry serves a shard by its name. */
  const urlOf = (origin: string): string => `${registry}/-/log/${origin.slice(origin.lastIndexOf("/") + 1)}`;
  const listed = async (): Promise<readonly ListedLog[]> =>
    registry === undefined ? [] : await listLogs({ fetch: deps.fetch, sleep, registry });

  /** The newest shard, brought up to date; a shard that has ended gets no young checkpoint any more. */
  async function updateShard(row: ShardRow): Promise<ProvenTree> {
    const follower = followerOf(row);
    try {
      return await follower.update();
    } catch (error) {
      const isStalled = isAssayError(error, "LOG_REFUSED") && error.details.kind === "stalled";
      const tree = isStalled ? await follower.newest() : undefined;
      if (tree === undefined || (await successorIn(tree)) === undefined) throw error;
      return tree;
    }
  }

  /** The shards that the log goes on in. Answers a sentence when the next one cannot be found. */
  async function followSuccessors(): Promise<string | undefined> {
    for (;;) {
      const row = (await rows()).at(-1);
      if (row === undefined) return undefined;
      const successor = await successorIn(await updateShard(row));
      if (successor === undefined) return undefined;
      const next = findSuccessor(sha256, successor, await listed());
      if (next === undefined)
        return `The log ${row.origin} goes on in ${successor.origin}, whose key ${successor.keyid} is not listed where it is served; follow it by its vkey too.`;
      await database.write(async (transaction) => {
        await markShard(transaction, row.vkey, "is_final");
        const shard = { ...shardOf(next.vkey, urlOf(next.origin)), number: row.number + 1, isFinal: false };
        await addShard(transaction, shard);
      });
    }
  }

  /** The shards that the log was kept in before, as long as nothing behind them was checked yet. */
  async function followPredecessors(): Promise<void> {
    for (;;) {
      const [oldest] = await rows();
      if (oldest === undefined || oldest.checked > 0) return;
      const tree = await followerOf(oldest).newest();
      const predecessor = tree && (await predecessorIn(tree));
      if (predecessor === undefined) return;
      const url = urlOf(predecessor.origin);
      const candidates = (await listed()).map(({ vkey }) => trustLog(vkey, url));
      const signed = await openPredecessor(effects, predecessor, candidates);
      if (signed === undefined) return;
      const { log: before, note } = signed;
      const shard = { ...shardOf(before.vkey, url), number: oldest.number - 1, isFinal: true, note };
      await database.write((transaction) => addShard(transaction, shard));
    }
  }

  return {
    vkey: log.vkey,
    origin: pinned.origin,

    async fetchTile(shard, path) {
      const row = (await rows()).find(({ vkey }) => vkey === shard.vkey);
      return await effects.fetchTile(row === undefined ? shard : trustLog(row.vkey, row.url), path);
    },

    async update() {
      const note = await followSuccessors();
      await followPredecessors();
      const shards: ProvenShard[] = [];
      for (const row of await rows()) {
        const tree = await followerOf(row).newest();
        if (tree === undefined)
          throw new AssayError("LOG_UNAVAILABLE", { url: row.url, reason: "its stored checkpoint is gone" });
        shards.push({ row, tree });
      }
      return { shards, notes: note === undefined ? [] : [note] };
    },

    async shards() {
      const proven: ProvenShard[] = [];
      for (const row of await rows()) {
        const tree = await followerOf(row).newest();
        if (tree !== undefined && !row.isForked) proven.push({ row, tree });
      }
      return proven;
    },

    async treeOf(vkey) {
      const row = (await rows()).find((each) => each.vkey === vkey);
      return row && (await followerOf(row).newest());
    },
  };
}
