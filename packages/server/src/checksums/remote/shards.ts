import { AssayError } from "@assay/core";
import type { WitnessPolicy } from "@assay/core";
import {
  createFollower,
  findSuccessor,
  openPredecessor,
  predecessorIn,
  successorIn,
  trustLog,
  type Follower,
  type ListedLog,
} from "@assay/verify";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { createSingleFlight } from "../../platform/single-flight.ts";
import { addRemote, remotesOf, type RemoteRow } from "../store-remotes.ts";
import { sha256 } from "../tile-rows.ts";
import type { RemoteEffects } from "./effects.ts";

/** A shard of the followed log, by a key that the pinned one leads to. */
export interface FollowedShard {
  readonly origin: string;
  readonly vkey: string;
  readonly number: number;
  readonly follower: Follower;
}

/** The shards of the followed log that are known to belong to it. */
export interface FollowedShards {
  /**
   * Newest first; at least the one whose key was pinned. All but the first are final: the last record says so, or a
   * later shard did, and their keys say nothing more.
   */
  all(): readonly FollowedShard[];

  /**
   * Fetches and proves the newest tree, and looks for the successor of the newest shard and for predecessors of the
   * oldest, as their records vouch for them. What is found is durable. Throws as `Follower.update`.
   */
  update(): Promise<void>;
}

export interface FollowedShardsDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly effects: RemoteEffects;
}

export async function createFollowedShards(
  deps: FollowedShardsDeps,
  config: {
    readonly id: string;
    readonly vkey: string;
    readonly url: string;
    readonly witnesses: WitnessPolicy;
    readonly maxAgeSeconds: number | undefined;
  },
): Promise<FollowedShards> {
  const { database, clock, effects } = deps;
  const { id, witnesses, maxAgeSeconds } = config;
  const open = new Map<string, FollowedShard>();
  /** Shards that no other one stands before. */
  const first = new Set<string>();
  const updates = createSingleFlight<void>();
  let shards: readonly FollowedShard[] = [];

  function openShard({ vkey, origin, number }: RemoteRow): FollowedShard {
    const policy = { witnesses, maxAgeSeconds };
    const follower = createFollower({ sha256, effects, log: trustLog(vkey), policy });
    return { origin, vkey, number, follower };
  }

  /** Also takes over what another process has found. */
  async function refresh(): Promise<void> {
    shards = (await remotesOf(database.read, id)).map((row) => {
      const shard = open.get(row.vkey) ?? openShard(row);
      open.set(row.vkey, shard);
      return shard;
    });
  }

  async function add(shard: { vkey: string; origin: string; number: number; note?: string }): Promise<void> {
    const { vkey, origin, number, note } = shard;
    await database.write((transaction) =>
      addRemote(transaction, { vkey, log: id, origin, number, note, createdAtMs: clock.now() }),
    );
    await refresh();
  }

  /** The shards that the log goes on in. */
  async function followSuccessors(listed: () => Promise<readonly ListedLog[]>): Promise<void> {
    for (;;) {
      const [newest] = shards;
      const successor = newest && (await successorIn(await newest.follower.update()));
      if (newest === undefined || successor === undefined) return;
      const next = findSuccessor(sha256, successor, await listed());
      if (next === undefined)
        throw new AssayError("LOG_UNAVAILABLE", {
          url: config.url,
          reason: `${newest.origin} goes on in ${successor.origin}, and the key that it vouched for is not listed`,
        });
      await add({ vkey: next.vkey, origin: next.origin, number: newest.number + 1 });
    }
  }

  /** What was bound before the pinned shard is in shards that it leads back to; their last tree is fixed by its records. */
  async function followPredecessors(listed: () => Promise<readonly ListedLog[]>): Promise<void> {
    for (;;) {
      const oldest = shards.at(-1);
      const tree = oldest && !first.has(oldest.origin) ? await oldest.follower.newest() : undefined;
      if (oldest === undefined || tree === undefined || tree.signed.checkpoint.size === 0) return;
      const predecessor = await predecessorIn(tree);
      if (predecessor === undefined) return void first.add(oldest.origin);
      const candidates = (await listed()).map(({ vkey }) => trustLog(vkey));
      const signed = await openPredecessor(effects, predecessor, candidates);
      // Then what it bound is bound again.
      if (signed === undefined) return;
      await add({ vkey: signed.log.vkey, origin: predecessor.origin, number: oldest.number - 1, note: signed.note });
    }
  }

  const { vkey } = config;
  await add({ vkey, origin: trustLog(vkey).origin, number: 0 });
  return {
    all: () => shards,
    update: () =>
      updates.run("", async () => {
        await refresh();
        let list: Promise<readonly ListedLog[]> | undefined;
        const listed = (): Promise<readonly ListedLog[]> => (list ??= effects.listLogs());
        await followSuccessors(listed);
        await followPredecessors(listed);
      }),
  };
}
