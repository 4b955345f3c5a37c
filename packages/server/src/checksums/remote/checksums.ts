import type { PackageName } from "@assay/core";
import { bundleByLog } from "../bundle-by-log.ts";
import type { Checksums, LogDescription, LogReader } from "../checksums.ts";
import { claimsByName } from "../claims-by-name.ts";
import { publicLog } from "../log-ids.ts";
import { createPublishedHeads } from "../published.ts";
import { createLogReader } from "../reader.ts";
import type { ShardList } from "../shard-list.ts";
import type { Shard } from "../store-shards.ts";
import { askRemote } from "./ask.ts";
import { browseBoth, createRemoteBrowser } from "./browse.ts";
import { createRemoteClaims } from "./claims.ts";
import { isRemoteFailure, openRemoteLog, type RemoteLogConfig, type RemoteLogDeps } from "./log.ts";
import { createRemoteTiles } from "./tiles.ts";

/** How often the newest checkpoint is fetched when no lookup brings it, ms. */
const pollMs = 15_000;

/**
 * The checksum database of a deployment that follows somebody else's: what is new is held against that log, what is
 * bound stays served, and the log is relayed under our own `/-/log/…` out of authenticated tiles. `local`: the logs of
 * this deployment itself. Names of organisations stay in theirs; the log of the public namespace that was kept here
 * before is finished and served, and nothing more is claimed in it.
 */
export async function createRemoteChecksums(
  deps: RemoteLogDeps,
  config: RemoteLogConfig,
  local: Checksums,
): Promise<Checksums> {
  const { database, clock, telemetry } = deps;
  const log = await openRemoteLog(deps, config);
  const published = createPublishedHeads();
  const tiles = createRemoteTiles((work) => log.reporting(work));
  const claims = createRemoteClaims(deps, log);
  const size = telemetry.metrics.gauge(
    "assay_remote_log_size",
    "Entries in the newest proven tree of the followed log.",
  );
  const seen = telemetry.metrics.gauge("assay_remote_log_seen_seconds", "When its newest tree was proven, Unix time.");
  let rows = await log.state();

  /** Lets readers see the newest proven tree of each shard; by whom it was proven does not matter. */
  async function publish(): Promise<void> {
    for (const { origin, follower } of log.shards().toReversed()) {
      const tree = await follower.newest();
      if (tree === undefined || tree.signed.note === published.get(origin)?.note) continue;
      published.publish(origin, tiles.headOf(tree));
      size.set(tree.signed.checkpoint.size);
    }
  }

  /** Readers know a shard by its origin, for its name may be taken here. */
  function shardRows(): readonly Shard[] {
    return log.shards().map(({ origin, vkey, number }, at) => {
      const visibility = rows.find((row) => row.vkey === vkey)?.visibility ?? "private";
      return { id: origin, log: log.id, number, origin, vkey, state: at === 0 ? "open" : "frozen", visibility };
    });
  }

  const shards: ShardList = {
    visible: shardRows,
    logs: () => [log.id],
    unfinished: () => undefined,
    refresh: async () => {},
  };
  const reader = createLogReader({ database, published, clock, wake: () => {}, tiles }, log.id, shards);
  await publish();

  const followed = (): readonly LogDescription[] =>
    reader.list().map((each) => ({ ...each, log: "npm", shard: nameOf(each.origin) }));
  const isFollowed = (shard: string): boolean => followed().some((each) => each.shard === shard);
  /** Kept here before; where the followed log has a shard of the same name, that one is meant. */
  const own = (): readonly LogDescription[] => local.logs.list().filter(({ shard }) => !isFollowed(shard));
  /** A followed log must not be read as one of ours by calling its shard like it. */
  const hosted = (): readonly LogDescription[] => local.logs.listHosted().filter(({ shard }) => !isFollowed(shard));
  const isHosted = (name: PackageName): boolean => local.logOf(name) !== publicLog;
  const originOf = (shard: string): string => followed().find((each) => each.shard === shard)?.origin ?? shard;
  const isOwn = (shard: string | undefined): boolean => [...own(), ...hosted()].some((each) => each.shard === shard);
  const readerOf = (shard: string | undefined): typeof reader | LogReader => (isOwn(shard) ? local.logs : reader);
  const maybeOriginOf = (shard: string | undefined): string | undefined =>
    shard === undefined ? undefined : originOf(shard);

  async function follow(signal: AbortSignal): Promise<void> {
    let trouble = "";
    while (!signal.aborted) {
      try {
        await log.update();
        await publish();
        seen.set(Math.floor(clock.now() / 1000));
        await log.learn();
        rows = await log.state();
        if (trouble !== "") telemetry.log.info("the followed log can be read again", { "log.url": log.url });
        trouble = "";
      } catch (error) {
        if (signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        // Whatever it is, it may pass: a log that nobody looks at any more would be the worse failure.
        if (trouble !== reason && isRemoteFailure(error))
          telemetry.log.warn("the followed log cannot be read", { reason });
        else if (trouble !== reason) telemetry.log.error("the followed log cannot be followed", { error });
        trouble = reason;
      }
      await clock.sleep(pollMs, signal).catch(() => {});
    }
  }

  return {
    ...claims,
    ...claimsByName((name) => (isHosted(name) ? local : claims)),
    claimPolicy: local.claimPolicy,
    claimAudit: local.claimAudit,
    logOf: local.logOf,
    ask: (name, version) => (isHosted(name) ? local.ask(name, version) : askRemote(log, name, version, publish)),
    wake: local.wake,

    async lookup(name, version, signal) {
      if (isHosted(name)) return await local.lookup(name, version, signal);
      const found = await reader.lookup(name, version, signal);
      return found && { ...found, shard: nameOf(found.shard) };
    },

    logs: {
      list: () => [...followed(), ...own()],
      listHosted: hosted,
      checkpoint: (shard) => readerOf(shard).checkpoint(originOf(shard)),
      tile: (shard, path) => readerOf(shard).tile(originOf(shard), path),
      proof: (shard, name, version, signal) =>
        (isHosted(name) ? local.logs : readerOf(shard)).proof(maybeOriginOf(shard), name, version, signal),
      bundle: (shard, entries, signal) =>
        bundleByLog(
          entries,
          ({ name }) => local.logOf(name),
          (of, part) => (of === publicLog ? readerOf(shard) : local.logs).bundle(maybeOriginOf(shard), part, signal),
        ),
    },

    // What is bound here was proven against a checkpoint of the followed log before.
    hold: {
      isHeld: (name, version) => isHosted(name) && local.hold.isHeld(name, version),
      untilFree: async (name, version, signal) => {
        if (isHosted(name)) await local.hold.untilFree(name, version, signal);
      },
    },
    problem: () => {
      const [newest] = reader.list();
      if (newest === undefined) return "no log is followed";
      const isThere = reader.checkpoint(newest.shard) !== undefined;
      return isThere ? undefined : `${nameOf(newest.origin)} has no signed checkpoint yet`;
    },
    browser: browseBoth(createRemoteBrowser({ database }, log, { nameOf, originOf }), local.browser, {
      isOurs: isOwn,
      isHosted,
    }),

    async run(signal) {
      await Promise.all([follow(signal), local.run(signal)]);
    },
  };
}

/** A shard is served under the last segment of its origin: there verifiers look for it. */
function nameOf(origin: string): string {
  return origin.slice(origin.lastIndexOf("/") + 1);
}
