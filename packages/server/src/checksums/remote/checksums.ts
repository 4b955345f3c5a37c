import type { Checksums, LogDescription, LogReader } from "../checksums.ts";
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
 * bound stays served, and the log is relayed under our own `/-/log/…` out of authenticated tiles. `local`: the log
 * that this deployment kept before; it is finished and served, and nothing more is claimed in it.
 */
export async function createRemoteChecksums(
  deps: RemoteLogDeps,
  config: RemoteLogConfig,
  local: Checksums | undefined,
): Promise<Checksums> {
  const { database, clock, telemetry } = deps;
  const log = await openRemoteLog(deps, config);
  const { origin, vkey } = log;
  const shard = origin.slice(origin.lastIndexOf("/") + 1);
  const published = createPublishedHeads();
  const tiles = createRemoteTiles((work) => log.reporting(work));
  const claims = createRemoteClaims({ database, clock }, log);
  const size = telemetry.metrics.gauge(
    "assay_remote_log_size",
    "Entries in the newest proven tree of the followed log.",
  );
  const seen = telemetry.metrics.gauge("assay_remote_log_seen_seconds", "When its newest tree was proven, Unix time.");
  let visibility = (await log.state()).visibility;

  /** Lets readers see the newest proven tree; by whom it was proven does not matter. */
  async function publish(): Promise<void> {
    const tree = await log.newest();
    if (tree === undefined || tree.signed.note === published.get(origin)?.note) return;
    published.publish(origin, tiles.headOf(tree));
    size.set(tree.signed.checkpoint.size);
  }

  const shardRow = (): Shard => ({ id: origin, log: log.id, number: 1, origin, vkey, state: "open", visibility });
  const shards: ShardList = {
    visible: () => [shardRow()],
    unfinished: () => undefined,
    refresh: async () => {},
  };
  const reader = createLogReader({ database, published, clock, wake: () => {}, tiles }, log.id, shards);
  await publish();

  const own = local?.logs.list().filter((each) => each.shard !== shard) ?? [];
  if (own.length !== (local?.logs.list().length ?? 0))
    telemetry.log.warn("the log kept here before has the name of the followed one and is not served", {
      shard,
      origin,
    });

  const isOurs = (asked: string | undefined): boolean => own.some((each) => each.shard === asked);
  /** Readers know the shard by its origin, for its name may be taken here. */
  const remoteName = (asked: string | undefined): string | undefined => (asked === shard ? origin : asked);
  const readerOf = (asked: string | undefined): LogReader =>
    isOurs(asked) && local !== undefined ? local.logs : reader;

  async function follow(signal: AbortSignal): Promise<void> {
    let trouble = "";
    while (!signal.aborted) {
      try {
        await log.update();
        await publish();
        seen.set(Math.floor(clock.now() / 1000));
        await log.learn();
        ({ visibility } = await log.state());
        if (trouble !== "") telemetry.log.info("the followed log can be read again", { "log.origin": origin });
        trouble = "";
      } catch (error) {
        if (signal.aborted) return;
        if (!isRemoteFailure(error)) throw error;
        if (trouble !== error.message) telemetry.log.warn("the followed log cannot be read", { reason: error.message });
        trouble = error.message;
      }
      await clock.sleep(pollMs, signal).catch(() => {});
    }
  }

  return {
    ...claims,
    ask: (name, version) => askRemote(log, name, version, publish),
    wake: () => local?.wake(),

    async lookup(name, version, signal) {
      const found = await reader.lookup(name, version, signal);
      return found && { ...found, shard };
    },

    logs: {
      list: (): readonly LogDescription[] => [{ log: "npm", shard, origin, vkey, state: "open", visibility }, ...own],
      checkpoint: (asked) => readerOf(asked).checkpoint(remoteName(asked) ?? asked),
      tile: (asked, path) => readerOf(asked).tile(remoteName(asked) ?? asked, path),
      proof: (asked, name, version, signal) => readerOf(asked).proof(remoteName(asked), name, version, signal),
      bundle: (asked, entries, signal) => readerOf(asked).bundle(remoteName(asked), entries, signal),
    },

    browser: browseBoth(createRemoteBrowser({ database }, log, shard), local?.browser, isOurs),

    async run(signal) {
      await Promise.all([follow(signal), local?.run(signal)]);
    },
  };
}
