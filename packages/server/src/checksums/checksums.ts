import { AssayError, type LogIndex, type PackageName, type Version } from "@assay/core";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { UpstreamClient } from "../platform/network/network.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Signing } from "../signing/signing.ts";
import { createBell } from "./bell.ts";
import type { BindFacts } from "./claim-facts.ts";
import { createLogBrowser, type LogBrowser } from "./browse.ts";
import type { ConflictFacts } from "./claim-facts.ts";
import { createClaims } from "./claims.ts";
import type { Claims } from "./claims.ts";
import { createGuardFile } from "./guard.ts";
import { createLogInstruments } from "./instruments.ts";
import type { Severity } from "./judge.ts";
import { createPublishedHeads } from "./published.ts";
import { createLogReader } from "./reader.ts";
import { createRemoteChecksums } from "./remote/checksums.ts";
import type { RemoteLogConfig } from "./remote/log.ts";
import { createReleaseHold, type ReleaseHold, type ReleaseLevel } from "./release-hold.ts";
import { openShardAfterRestore } from "./rotation/after-restore.ts";
import { runSequencer } from "./sequence/run.ts";
import type { CrashPoint } from "./sequence/steps.ts";
import { createShardList } from "./shard-list.ts";
import { ensureShards } from "./shards.ts";
import { isSequenced, startShard } from "./start.ts";
import type { SeenElsewhere } from "./start.ts";
import { listShards } from "./store-shards.ts";
import { createTiles } from "./tiles.ts";
import { createWitnessesInstruments } from "./witnesses/instruments.ts";
import { runRounds } from "./witnesses/rounds.ts";
import { isCosignatureNeeded, noLogWitnesses, type LogWitnesses } from "./witnesses/witnesses.ts";

export type { LogBrowser, ProvenRecord, RecordAddress } from "./browse.ts";
export { checkLog } from "./check/check.ts";
export type * from "./claim-facts.ts";
export { judge } from "./judge.ts";
export type { BoundPlace } from "./claims.ts";
export { checksumMigrations } from "./migrations.ts";
export type { RemoteLogConfig } from "./remote/log.ts";
export type { ReleaseHold, ReleaseLevel } from "./release-hold.ts";
export type { SeenElsewhere } from "./start.ts";
export type { AskedWitness } from "./witnesses/ask.ts";
export { checkWitnesses } from "./witnesses/check.ts";
export { seenByWitnesses, type LogWitnesses } from "./witnesses/witnesses.ts";
export { recoverShard, finishRecovery, type RecoveredShard } from "./recovery/recover.ts";
export { awaitRotation, requestRotation } from "./rotation/request.ts";

/** The checksum database: one record for ever of what a name@version is. */
export interface Checksums extends Claims {
  /**
   * Asks what the log in force says of a version that is about to be claimed, at once, while its bytes are still on
   * their way. A log of our own has nothing to say before the claim; a followed one fetches and binds it.
   */
  ask(name: PackageName, version: Version): AskedLog;

  /** Tells the sequencer that committed claims wait. */
  wake(): void;

  /**
   * The record that says what a bound version is (its bind, or the newest supersede), with a signed checkpoint that
   * covers it; waits for the sequencer (≤ 5 s, then NOT_READY). Undefined: not bound.
   */
  lookup(name: PackageName, version: Version, signal: AbortSignal): Promise<Lookup | undefined>;

  readonly logs: LogReader;

  /** Which bound versions may not leave yet, by `ChecksumsConfig.release`. */
  readonly hold: ReleaseHold;

  /** Why lookups of new versions would only wait, or undefined: no log is open, or it has signed nothing yet. */
  problem(): string | undefined;

  /** The same log by place and by package, for pages. */
  readonly browser: LogBrowser;

  /**
   * Sequences until the signal is aborted. The batch under way is finished first. Passing failures are logged and
   * tried again. Beside it witnesses are asked, where there are any; a quorum that is not met never stops it. Rejects
   * with LOG_GUARD when signing would fork the log or a witness has seen what it does not hold, and with LOG_FENCED
   * when another process has taken over: then this process must not go on as if it sequenced.
   */
  run(signal: AbortSignal): Promise<void>;
}

/** A question to the log in force. Nothing is thrown before somebody wants the answer. */
export interface AskedLog {
  /**
   * The facts as they may be claimed, once the log is known to say the same. Throws BIND_DIFFERS when it says
   * something else, BIND_REFUSED when it says no, LOG_REFUSED and LOG_UNAVAILABLE when it cannot be believed or
   * reached.
   */
  holdAgainst(facts: BindFacts): Promise<BindFacts>;
}

export interface Lookup {
  readonly index: LogIndex;
  /** Record text, final LF included. */
  readonly text: string;
  /** Signed checkpoint note whose size is above `index`. */
  readonly checkpoint: string;
  readonly shard: string;
}

/** What `/-/log/` serves. */
export interface LogReader {
  list(): readonly LogDescription[];
  /** The newest published signed checkpoint, or undefined for an unknown shard. */
  checkpoint(shard: string): string | undefined;
  /** Bytes of a hash tile or entry bundle; undefined when it does not exist at any published size. `path` as in c2sp.org/tlog-tiles, strictly parsed. */
  tile(shard: string, path: string): Promise<Uint8Array | undefined>;
  /** c2sp.org/tlog-proof file of the record that `lookup` answers. `shard` undefined: whichever holds it. */
  proof(
    shard: string | undefined,
    name: PackageName,
    version: Version,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /**
   * Bundles (one a shard) with every bind and supersede of the entries, and what is missing. With a shard only what
   * that one holds. Never binds.
   */
  bundle(
    shard: string | undefined,
    entries: readonly BundleRequestEntry[],
    signal: AbortSignal,
  ): Promise<BundleResponse>;
}

export interface LogDescription {
  readonly log: string;
  readonly shard: string;
  readonly origin: string;
  readonly vkey: string;
  readonly state: "open" | "frozen";
  readonly visibility: "private" | "public";
}

export interface BundleRequestEntry {
  readonly name: PackageName;
  readonly version: Version;
}

export interface BundleResponse {
  readonly format: "assay-bundle/v1";
  readonly bundles: readonly {
    readonly origin: string;
    readonly checkpoint: string;
    readonly records: readonly { readonly index: number; readonly text: string }[];
    /** base64 multiproof hashes, left to right, level by level. */
    readonly hashes: readonly string[];
  }[];
  readonly missing: readonly BundleRequestEntry[];
}

export interface ChecksumsDependencies {
  /** With `checksumMigrations` run. */
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly signing: Signing;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly events: Events;
  /** What other parties hold signatures over; a shard that is behind it is not opened. */
  readonly seenElsewhere?: SeenElsewhere;
  /** The way to the database that is followed; needed where `remote` is configured. */
  readonly remoteClient?: UpstreamClient | undefined;
  /** Default: no witness is asked, and none is needed. */
  readonly witnesses?: LogWitnesses;
  /** Called at each point where a commit may be cut off; tests die there. */
  readonly crashPoint?: (point: CrashPoint) => void | Promise<void>;
}

export interface ChecksumsConfig {
  /** Of a log that is made now; a log keeps what it was made with. */
  readonly visibility: "private" | "public";
  /** Host and path prefix of the origin of a shard that is made now; undefined without a public URL. */
  readonly originBase: string | undefined;
  /** Where the second copy of the signing guard lives; outside the data folder. */
  readonly guardFolder: string;
  /** Somebody else's database that is followed in place of one of our own. */
  readonly remote?: RemoteLogConfig | undefined;
  /** What the first download of a version waits for. Default `claim`. */
  readonly release?: ReleaseLevel;
}

/** The log of the public namespace, and the `ns` of its records. */
export const publicLog = "npm";

/**
 * `openShardAfterRestore` for the public log: a new shard where `createChecksums` refuses with LOG_GUARD. Throws CONFIG
 * when it would not.
 */
export async function reopenAfterRestore(
  deps: ChecksumsDependencies,
  config: ChecksumsConfig,
): ReturnType<typeof openShardAfterRestore> {
  const { seenElsewhere = async () => [] } = deps;
  const guardFile = createGuardFile(deps, { folder: config.guardFolder });
  const tiles = createTiles(deps, { cacheBytes: tileCacheBytes });
  return await openShardAfterRestore(
    { ...deps, guardFile, tiles, seenElsewhere },
    { log: publicLog, originBase: config.originBase },
  );
}

/** Memory for tiles with their inner nodes, bytes: the tiles of half a million entries. */
const tileCacheBytes = 32 * 1024 * 1024;

/**
 * Opens the checksum database, or follows the one that is configured: then its own log is not made, and one that is
 * there is finished and served.
 *
 * Opening makes its log and key on first use, checks every shard against itself and the signing
 * guard, repairs what can be made again, and publishes the stored heads. Nothing is sequenced before `run`.
 *
 * Throws LOG_GUARD when the database is older than what was signed, DATABASE when it contradicts itself, CONFIG when
 * a signing key is missing or can be read by others.
 */
export async function createChecksums(deps: ChecksumsDependencies, config: ChecksumsConfig): Promise<Checksums> {
  if (config.remote === undefined) return await createOwnChecksums(deps, config);
  const { remoteClient: client } = deps;
  if (client === undefined) throw new Error("a followed log without a way to it");
  const hasOwn = (await listShards(deps.database.read)).length > 0;
  const local = hasOwn ? await createOwnChecksums(deps, config) : undefined;
  return await createRemoteChecksums({ ...deps, client }, config.remote, local);
}

/** The database that this deployment keeps itself. */
async function createOwnChecksums(deps: ChecksumsDependencies, config: ChecksumsConfig): Promise<Checksums> {
  const { database, blobs, signing, clock, random, telemetry, events } = deps;
  const guardFile = createGuardFile({ random }, { folder: config.guardFolder });
  const tiles = createTiles({ blobs, database, telemetry }, { cacheBytes: tileCacheBytes });
  const { witnesses = noLogWitnesses } = deps;
  const { policy } = witnesses;
  // What was signed; readers see it at once, unless it must be cosigned first.
  const signed = createPublishedHeads();
  const published = isCosignatureNeeded(policy) ? createPublishedHeads() : signed;
  const claimed = createBell();
  const instruments = createLogInstruments(telemetry.metrics);
  const witnessing = createWitnessesInstruments(telemetry.metrics);
  const { seenElsewhere = async () => [], crashPoint = () => {} } = deps;
  const known = await ensureShards(
    { database, signing, guardFile, clock, random },
    { log: publicLog, visibility: config.visibility, originBase: config.originBase },
  );
  if (known.some(({ state }) => state === "recovering"))
    throw new AssayError("CONFIG", {
      reason: "The recovery of the log was cut off; finish it with assay log recover and the same --from.",
    });
  const shards = createShardList(database.read, known);
  for (const shard of shards.visible(publicLog)) {
    if (shard.visibility !== config.visibility && shard.state === "open")
      telemetry.log.warn("the visibility of a log is fixed when it is made; the setting is not used", {
        "log.id": shard.log,
        "log.visibility": shard.visibility,
      });
    await startShard({ database, tiles, guardFile, signed, published, policy, telemetry, seenElsewhere }, shard);
    // A key that is missing must stop the start, not the first commit.
    if (isSequenced(shard)) await signing.checkpointSigner(shard.origin, shard.vkey);
  }
  const wake = claimed.ring;
  const reader = createLogReader({ database, published, clock, wake, tiles }, publicLog, shards);

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
  const claims = createClaims({ database, clock, events, wake, onConflict: alarm }, publicLog);
  const hold = await createReleaseHold(
    { database, clock, wake, shards, published: config.release === "checkpoint" ? signed : published },
    publicLog,
    config.release ?? "claim",
  );

  return {
    // Our own log says what is claimed here first.
    ask: () => ({ holdAgainst: async (facts) => facts }),
    ...claims,
    async claimBind(transaction, facts) {
      hold.claimed(facts.name, facts.version);
      return await claims.claimBind(transaction, facts);
    },
    hold,
    problem() {
      const open = shards.visible(publicLog).find(isSequenced);
      if (open === undefined) return "no log is open";
      return signed.get(open.id) === undefined ? `${open.id} has no signed checkpoint yet` : undefined;
    },
    wake,
    lookup: reader.lookup,
    logs: reader,
    browser: createLogBrowser({ database, published, tiles }, publicLog, shards),
    run: (signal) => {
      const sequence = { database, tiles, guardFile, signed, clock, random, events, instruments, signing, telemetry };
      return runTogether(signal, [
        (either) =>
          runSequencer(
            { ...sequence, crashPoint, originBase: config.originBase },
            { log: publicLog, shards, claimed },
            either,
          ),
        (either) =>
          runRounds(
            { ...sequence, published, crashPoint, witnessing, witnesses: witnesses.witnesses },
            { ...witnesses, log: publicLog, shards },
            either,
          ),
      ]);
    },
  };
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
