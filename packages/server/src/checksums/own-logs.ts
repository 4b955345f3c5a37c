import { AssayError, type PackageName } from "@assay/core";
import { noProcessMarks } from "../platform/process-marks.ts";
import { createLogBrowser, type LogBrowser } from "./browse.ts";
import type { ChecksumsConfig, ChecksumsDependencies } from "./checksums.ts";
import type { ConflictFacts } from "./claim-facts.ts";
import { createClaims, type Claims } from "./claims.ts";
import { createGuardFile } from "./guard.ts";
import { followHeads } from "./follow.ts";
import { createLogInstruments } from "./instruments.ts";
import type { Severity } from "./judge.ts";
import { isOwnLog, organisationLog, publicLog } from "./log-ids.ts";
import { createPublishedHeads } from "./published.ts";
import { createLogReader } from "./reader.ts";
import { createReleaseHold, type ReleaseHold } from "./release-hold.ts";
import { leadOrFollow } from "./sequence/lead.ts";
import { runSequencer } from "./sequence/run.ts";
import { createShardList, type ShardList } from "./shard-list.ts";
import { ensureShards } from "./shards.ts";
import { isSequenced, publishStored, startShard } from "./start.ts";
import { listShards } from "./store-shards.ts";
import type { HeadRow, Shard } from "./store-shards.ts";
import { createTiles } from "./tiles.ts";
import { createWakeups } from "./wakeups.ts";
import { createWitnessesInstruments } from "./witnesses/instruments.ts";
import { runRounds } from "./witnesses/rounds.ts";
import { isCosignatureNeeded, noLogWitnesses } from "./witnesses/witnesses.ts";

/** The logs that this deployment keeps itself: that of the public namespace, one for each organisation, its own. */
export interface OwnLogs {
  /** Which log a name belongs to. */
  logOf(name: PackageName): string;
  /** The log of an organisation, or of a name, as it is read and claimed in; it need not exist yet. */
  of(log: string): OwnLog;
  readonly shards: ShardList;
  readonly hold: ReleaseHold & { claimed: (...release: Parameters<ReleaseHold["isHeld"]>) => void };
  wake(): void;
  /** Why nothing new of the public namespace is signed, or undefined. */
  problem(): string | undefined;
  run(signal: AbortSignal): Promise<void>;
}

export interface OwnLog {
  readonly claims: Claims;
  readonly reader: ReturnType<typeof createLogReader>;
  readonly browser: LogBrowser;
}

/** Memory for tiles with their inner nodes, bytes: the tiles of half a million entries. */
export const tileCacheBytes = 32 * 1024 * 1024;

/** A leader of whom nothing is heard for so long, four beats, is gone: before who waits for a signature gives up (5 s). */
const leaderGoneMs = 4000;

/** Logs that are checked at a time when this deployment starts. */
const startedAtATime = 8;

/**
 * Opens the logs that are there, each checked against itself and the signing guard, with the one of the public namespace
 * made unless it is `followed`. Any other log is made by the sequencer when the first claim waits for it.
 *
 * Throws as `createChecksums`.
 */
export async function openOwnLogs(
  deps: ChecksumsDependencies,
  config: ChecksumsConfig,
  { isFollowed }: { readonly isFollowed: boolean },
): Promise<OwnLogs> {
  const { database, blobs, signing, clock, random, telemetry, events } = deps;
  const { organisationOf = () => undefined, witnesses = noLogWitnesses, seenElsewhere = async () => [] } = deps;
  const { crashPoint = () => {}, marks = noProcessMarks } = deps;
  const guardFile = createGuardFile({ random }, { folder: config.guardFolder });
  const tiles = createTiles({ blobs, database, telemetry }, { cacheBytes: tileCacheBytes });
  const claimed = createWakeups();
  const wake = (log: string): void => claimed.ring(log);
  const instruments = createLogInstruments(telemetry.metrics);
  const witnessing = createWitnessesInstruments(telemetry.metrics);

  // What readers see, and what was signed and must be cosigned before they see it.
  const published = createPublishedHeads();
  const unwitnessed = createPublishedHeads();
  const isWitnessed = (log: string): boolean =>
    isCosignatureNeeded(witnesses.policy) && (log === publicLog || config.organisations?.witnessed === true);
  const signedOf = (log: string) => (isWitnessed(log) ? unwitnessed : published);
  const isAsked = (log: string): boolean => log === publicLog || config.organisations?.witnessed === true;

  const visibilityOf = (log: string) => (log === publicLog ? config.visibility : "private");
  const ensure = (log: string) =>
    ensureShards(
      { database, signing, guardFile, clock, random },
      { log, visibility: visibilityOf(log), originBase: config.originBase },
    );
  const known = isFollowed ? await listShards(database.read) : await ensure(publicLog);
  if (known.some(({ state }) => state === "recovering"))
    throw new AssayError("CONFIG", {
      reason: "The recovery of the log was cut off; finish it with assay log recover and the same --from.",
    });
  const shards = createShardList(database.read, known);
  const started = new Set<string>();

  /** Makes a log unless it is there, and opens the shards of it that this process has not opened. */
  async function open(log: string): Promise<void> {
    if (shards.unfinished(log) === undefined) {
      await ensure(log);
      await shards.refresh();
    }
    for (const shard of shards.visible(log)) {
      if (started.has(shard.id)) continue;
      await startShard(
        {
          database,
          tiles,
          guardFile,
          signed: signedOf(log),
          published,
          policy: witnesses.policy,
          telemetry,
          seenElsewhere: isAsked(log) ? seenElsewhere : async () => [],
        },
        shard,
      );
      // A key that is missing must stop the start, not the first commit.
      if (isSequenced(shard)) await signing.checkpointSigner(shard.origin, shard.vkey);
      started.add(shard.id);
    }
  }

  for (const shard of shards.visible(publicLog))
    if (shard.visibility !== config.visibility && shard.state === "open")
      telemetry.log.warn("the visibility of a log is fixed when it is made; the setting is not used", {
        "log.id": shard.log,
        "log.visibility": shard.visibility,
      });
  await inTurns(
    shards.logs().filter((log) => isOwnLog(log) && shards.visible(log).length > 0),
    startedAtATime,
    open,
  );

  const alarm = (facts: ConflictFacts, severity: Severity): void => {
    instruments.conflicts.add(1, { severity });
    if (severity === "low") return;
    telemetry.log.error("a source has something else than what is bound; what is bound is served as before", {
      "package.name": facts.name,
      "package.version": facts.version,
      source: facts.source,
      from: facts.from,
    });
  };
  const logOf = (name: PackageName): string => {
    const organisation = organisationOf(name);
    return organisation === undefined ? publicLog : organisationLog(organisation);
  };
  const logs = new Map<string, OwnLog>();

  return {
    logOf,
    of(log) {
      const standing = logs.get(log);
      if (standing !== undefined) return standing;
      const made: OwnLog = {
        claims: createClaims({ database, clock, events, wake, onConflict: alarm }, log),
        reader: createLogReader({ database, published, clock, wake, tiles }, log, shards),
        browser: createLogBrowser({ database, published, tiles }, log, shards),
      };
      logs.set(log, made);
      return made;
    },
    shards,
    hold: await createReleaseHold(
      { database, clock, wake, shards, publishedOf: config.release === "checkpoint" ? signedOf : () => published },
      logOf,
      config.release ?? "claim",
    ),
    wake: () => claimed.ring(),
    problem() {
      const last = shards.visible(publicLog).find(isSequenced);
      if (last === undefined) return "no log is open";
      return signedOf(publicLog).get(last.id) === undefined ? `${last.id} has no signed checkpoint yet` : undefined;
    },
    run: async (signal) => {
      const sequence = { database, tiles, guardFile, signed: published, clock, random, events, instruments };
      const shared = { ...sequence, signing, telemetry, crashPoint };
      const lead = async (fence: number, stop: AbortSignal): Promise<void> => {
        await runTogether(stop, [
          async (either) => {
            const options = { shards, claimed, open, signedOf, lead: fence };
            await runSequencer({ ...shared, originBase: config.originBase }, options, either);
          },
          async (either) => {
            const cosigned = { signed: signedOf(publicLog), published, witnessing, witnesses: witnesses.witnesses };
            const options = { ...witnesses, logs: () => shards.logs().filter(isAsked), shards };
            await runRounds({ ...shared, ...cosigned }, options, either);
          },
        ]);
      };
      const publish = (shard: Shard, head: HeadRow): Promise<void> =>
        publishStored(
          { database, signed: signedOf(shard.log), published, policy: witnesses.policy, telemetry },
          shard,
          head,
        );
      await leadOrFollow(
        { database, clock, telemetry, marks },
        { goneMs: config.leaderGoneMs ?? leaderGoneMs },
        { lead, follow: (stop) => followHeads(shared, { shards, claimed, publish }, stop) },
        signal,
      );
    },
  };
}

/** Does the work for each, this many at a time; what was begun is finished when one fails. */
async function inTurns<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  const results = await Promise.allSettled(Array.from({ length: most }, worker));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Runs all until the signal is aborted or one of them rejects; then the others end, and it rejects. */
async function runTogether(
  signal: AbortSignal,
  parts: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const results = await Promise.allSettled(
    parts.map(async (run) => {
      try {
        await run(either);
      } catch (error) {
        failed.abort();
        throw error;
      }
    }),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
