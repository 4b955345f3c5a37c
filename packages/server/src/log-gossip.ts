/** Composition: what anybody shows of our own logs is compared with what they are. */
import { join } from "node:path";
import { parseFork } from "@assay/core";
import type { Checksums } from "./checksums/checksums.ts";
import type { Storage } from "./storage.ts";
import { createForks, createGossip, type Gossip } from "./witnessing/witnessing.ts";

/** Evidence goes below the data folder. */
export async function createLogGossip(
  { database, clock, random, telemetry }: Pick<Storage, "database" | "clock" | "random" | "telemetry">,
  { logs }: Pick<Checksums, "logs">,
  dataFolder: string,
): Promise<Gossip> {
  const gauge = telemetry.metrics.gauge(
    "assay_gossip_forks",
    "Proofs that are stored that a log signed two histories. Any is an alarm.",
    ["origin"],
  );
  const forks = createForks(
    { database, clock, random, telemetry, instruments: { forks: gauge } },
    { folder: join(dataFolder, "evidence") },
  );
  await forks.restore(logs.list().map(({ origin }) => origin));
  return createGossip({
    database,
    clock,
    telemetry,
    find: async (origin) => {
      const log = logs.list().find((each) => each.origin === origin);
      return (
        log && {
          vkey: log.vkey,
          newest: async () => logs.checkpoint(log.shard),
          fetchTile: async (_log, path) => await logs.tile(log.shard, path),
        }
      );
    },
    keepFork: async ({ origin }, document) => void (await forks.keep(origin, parseFork(document))),
  });
}
