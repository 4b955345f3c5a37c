import type { Integrity } from "@assay/core";
import type { TinyLog } from "@assay/testkit/tiny-log";
import {
  anyCheckpoint,
  createFollower,
  trustLog,
  type Follower,
  type FollowEffects,
  type FollowPolicy,
} from "../src/index.ts";
import { sha256 } from "./checking.ts";

/** The outside world of a follower in memory: a tiny log, maps as state and cache. Every answer can be a lie. */
export interface FollowWorld {
  readonly effects: FollowEffects;
  /** The log that answers; swap it to lie. */
  log: TinyLog;
  readonly catalogue: Map<string, Integrity>;
  readonly state: Map<string, string>;
  readonly tiles: Map<string, Uint8Array>;
  nowSeconds: number;
  tamperCheckpoint: (note: string) => string | Promise<string>;
  tamperTile: (tile: Uint8Array, path: string) => Uint8Array | undefined;
  tamperLookup: (body: string) => string | Promise<string>;
  /** What was fetched, by path; pauses as `sleep`. */
  readonly requests: string[];
}

/** A world around a log, with nothing seen yet. */
export function followWorld(log: TinyLog): FollowWorld {
  const world: FollowWorld = {
    log,
    catalogue: new Map(),
    state: new Map(),
    tiles: new Map(),
    nowSeconds: 1_795_255_200,
    tamperCheckpoint: (note) => note,
    tamperTile: (tile) => tile,
    tamperLookup: (body) => body,
    requests: [],
    effects: {
      async fetchCheckpoint() {
        world.requests.push("checkpoint");
        return await world.tamperCheckpoint(await world.log.checkpoint());
      },
      async fetchTile(_log, path) {
        world.requests.push(path);
        const tile = world.log.tile(path);
        return tile === undefined ? undefined : world.tamperTile(tile, path);
      },
      async fetchLookup(_log, name, version) {
        world.requests.push(`lookup/${name}@${version}`);
        const integrity = world.catalogue.get(`${name}@${version}`);
        if ((await world.log.lookup(name, version)) === undefined && integrity !== undefined)
          world.log.bind(name, version, integrity);
        const body = await world.log.lookup(name, version);
        if (body === undefined) return { outcome: "refused", status: 404, reason: "it was not found" };
        return { outcome: "answered", body: await world.tamperLookup(body) };
      },
      readCheckpoint: async (vkey) => world.state.get(vkey),
      async swapCheckpoint(vkey, previous, next) {
        if (world.state.get(vkey) !== previous) return false;
        world.state.set(vkey, next);
        return true;
      },
      readTile: async (_vkey, path) => world.tiles.get(path),
      async writeTile(_vkey, path, bytes) {
        world.tiles.set(path, bytes);
      },
      nowSeconds: () => world.nowSeconds,
      async sleep() {
        world.requests.push("sleep");
      },
    },
  };
  return world;
}

/** A follower of this world's log that has nothing in memory. */
export function follow(world: FollowWorld, policy: FollowPolicy = anyCheckpoint): Follower {
  return createFollower({ sha256, effects: world.effects, log: trustLog(world.log.vkey), policy });
}
