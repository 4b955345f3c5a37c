import { encodeUtf8, type Integrity } from "@assay/core";
import type { TinyLog } from "@assay/testkit/tiny-log";
import type { LogClientEffects } from "../src/index.ts";

/** The outside world of a log client in memory: a tiny log as the registry, a map as the state. */
export interface TinyWorld {
  readonly effects: LogClientEffects;
  /** The log that answers; swap it to lie. */
  log: TinyLog;
  /** What lookups can bind, by `name@version`. */
  readonly catalogue: Map<string, Integrity>;
  readonly state: Map<string, string>;
  /** Changes the bundle on its way to the client. */
  tamper: (bundle: string) => string;
  /** Changes a tile on its way to the client. */
  tamperTile: (tile: Uint8Array) => Uint8Array | undefined;
  /** Seconds since 1970; when it starts, the log's records are a minute old. */
  nowSeconds: number;
  readonly counts: { bundles: number; lookups: number; atOnce: number; mostAtOnce: number; pauses: number };
}

/** A world around a log with nothing in the state and nothing to look up. */
export function tinyWorld(log: TinyLog): TinyWorld {
  const counts = { bundles: 0, lookups: 0, atOnce: 0, mostAtOnce: 0, pauses: 0 };
  const world: TinyWorld = {
    log,
    catalogue: new Map(),
    state: new Map(),
    tamper: (bundle) => bundle,
    tamperTile: (tile) => tile,
    nowSeconds: 1_795_255_260,
    counts,
    effects: {
      nowSeconds: () => world.nowSeconds,
      sleep: async () => {
        counts.pauses += 1;
      },
      async postBundle(request) {
        counts.bundles += 1;
        const { entries } = JSON.parse(request) as { entries: { name: string; version: string }[] };
        return encodeUtf8(world.tamper(JSON.stringify(await world.log.bundle(entries))));
      },
      async lookup(name, version) {
        counts.lookups += 1;
        counts.atOnce += 1;
        counts.mostAtOnce = Math.max(counts.mostAtOnce, counts.atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        counts.atOnce -= 1;
        const integrity = world.catalogue.get(`${name}@${version}`);
        if (integrity === undefined) return { outcome: "refused", reason: "it was not found" };
        world.log.bind(name, version, integrity);
        return { outcome: "bound" };
      },
      async fetchTile(_log, path) {
        const tile = world.log.tile(path);
        return tile === undefined ? undefined : world.tamperTile(tile);
      },
      readCheckpoint: async (vkey) => world.state.get(vkey),
      async swapCheckpoint(vkey, previous, next) {
        if (world.state.get(vkey) !== previous) return false;
        world.state.set(vkey, next);
        return true;
      },
    },
  };
  return world;
}
