import type { LogIndex, PackageName, Version } from "@assay/core";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { UpstreamClient } from "../platform/network/network.ts";
import type { ProcessMarks } from "../platform/process-marks.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Signing } from "../signing/signing.ts";
import type { LogBrowser } from "./browse.ts";
import { bundleByLog } from "./bundle-by-log.ts";
import type { BindFacts } from "./claim-facts.ts";
import { claimsByName } from "./claims-by-name.ts";
import type { Claims } from "./claims.ts";
import { createGuardFile } from "./guard.ts";
import { isOwnLog, organisationLog, publicLog, registryLog } from "./log-ids.ts";
import { openOwnLogs, tileCacheBytes, type OwnLogs } from "./own-logs.ts";
import { createRemoteChecksums } from "./remote/checksums.ts";
import type { RemoteLogConfig } from "./remote/log.ts";
import type { ReleaseHold, ReleaseLevel } from "./release-hold.ts";
import { openShardAfterRestore } from "./rotation/after-restore.ts";
import type { CrashPoint } from "./sequence/steps.ts";
import type { SeenElsewhere } from "./start.ts";
import { createTiles } from "./tiles.ts";
import type { LogWitnesses } from "./witnesses/witnesses.ts";

export { publicLog } from "./log-ids.ts";
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

  /** Which log a name belongs to: `npm`, or that of the organisation whose it is. */
  logOf(name: PackageName): string;

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
  /** The shards of the log of the public namespace, newest first. */
  list(): readonly LogDescription[];
  /** Those of organisations' logs and of the registry's own: not for everybody, `organisationOfLog` says whose. */
  listHosted(): readonly LogDescription[];
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
   * Bundles (one a shard) with every bind and supersede of the entries, each out of the log of its name, and what is
   * missing. With a shard only what that one holds. Never binds. Asks nobody who may read.
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
  /** Whose a name is, of those that live here; at once. Default: no name is an organisation's. */
  readonly organisationOf?: (name: PackageName) => string | undefined;
  /** Tells a leader that died on this machine from one that is elsewhere. Default: nobody is known. */
  readonly marks?: ProcessMarks;
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
  /** How long nothing must be heard of the process that sequences before this one takes over. Default 4 s. */
  readonly leaderGoneMs?: number;
  /** Somebody else's database that is followed in place of one of our own. */
  readonly remote?: RemoteLogConfig | undefined;
  /** For commands on a deployment that follows another log: the public namespace's is not made. Default false. */
  readonly isFollowed?: boolean;
  /** What the first download of a version waits for. Default `claim`. */
  readonly release?: ReleaseLevel;
  /** Of the logs of organisations and of the registry's own. */
  readonly organisations?: {
    /** Whether the witnesses are asked to cosign them too; they learn the origins, with the organisations' names. */
    readonly witnessed: boolean;
  };
}

/**
 * `openShardAfterRestore` for one log: a new shard where `createChecksums` refuses with LOG_GUARD. Throws CONFIG
 * when it would not.
 */
export async function reopenAfterRestore(
  deps: ChecksumsDependencies,
  config: ChecksumsConfig,
  log: string,
): ReturnType<typeof openShardAfterRestore> {
  const { seenElsewhere = async () => [] } = deps;
  const guardFile = createGuardFile(deps, { folder: config.guardFolder });
  const tiles = createTiles(deps, { cacheBytes: tileCacheBytes });
  return await openShardAfterRestore(
    { ...deps, guardFile, tiles, seenElsewhere },
    { log, originBase: config.originBase },
  );
}

/**
 * Opens the checksum database. The log of the public namespace is made on first use, or the one that is configured is
 * followed: then our own is not made, and one that is there is finished and served. Names that are an organisation's
 * are bound in a log of that organisation, always private, always here, made when it is first needed.
 *
 * Opening checks every shard against itself and the signing guard, repairs what can be made again, and publishes the
 * stored heads. Nothing is sequenced before `run`.
 *
 * Throws LOG_GUARD when the database is older than what was signed, DATABASE when it contradicts itself, CONFIG when
 * a signing key is missing or can be read by others.
 */
export async function createChecksums(deps: ChecksumsDependencies, config: ChecksumsConfig): Promise<Checksums> {
  if (config.remote === undefined)
    return createOwnChecksums(await openOwnLogs(deps, config, { isFollowed: config.isFollowed ?? false }));
  const { remoteClient: client } = deps;
  if (client === undefined) throw new Error("a followed log without a way to it");
  const own = await openOwnLogs(deps, config, { isFollowed: true });
  return await createRemoteChecksums({ ...deps, client }, config.remote, createOwnChecksums(own));
}

/** The logs that this deployment keeps itself, each name's claims and proofs in its own. */
function createOwnChecksums(own: OwnLogs): Checksums {
  const of = (name: PackageName) => own.of(own.logOf(name));
  const main = own.of(publicLog);
  const named = claimsByName((name) => of(name).claims);
  const hosted = (): readonly string[] => own.shards.logs().filter((log) => isOwnLog(log) && log !== publicLog);
  return {
    // Our own log says what is claimed here first.
    ask: () => ({ holdAgainst: async (facts) => facts }),
    ...named,
    async claimBind(transaction, facts) {
      own.hold.claimed(facts.name, facts.version);
      return await named.claimBind(transaction, facts);
    },
    claimKey: main.claims.claimKey,
    claimPolicy: (transaction, facts) =>
      own.of(logOfOrganisation(facts.organisation)).claims.claimPolicy(transaction, facts),
    claimAudit: (transaction, facts) =>
      own.of(logOfOrganisation(facts.organisation)).claims.claimAudit(transaction, facts),
    boundAfter: main.claims.boundAfter,
    boundNameAfter: main.claims.boundNameAfter,
    countBound: main.claims.countBound,
    logOf: own.logOf,
    hold: own.hold,
    problem: own.problem,
    wake: own.wake,
    lookup: (name, version, signal) => of(name).reader.lookup(name, version, signal),
    logs: {
      list: main.reader.list,
      listHosted: () => hosted().flatMap((log) => own.of(log).reader.list()),
      checkpoint: main.reader.checkpoint,
      tile: main.reader.tile,
      proof: (shard, name, version, signal) => of(name).reader.proof(shard, name, version, signal),
      bundle: (shard, entries, signal) =>
        bundleByLog(
          entries,
          ({ name }) => own.logOf(name),
          (log, part) => own.of(log).reader.bundle(shard, part, signal),
        ),
    },
    browser: {
      conflicts: main.browser.conflicts,
      signedAt: main.browser.signedAt,
      newest: main.browser.newest,
      record: main.browser.record,
      history: (name, from, count) => of(name).browser.history(name, from, count),
    },
    run: own.run,
  };
}

function logOfOrganisation(organisation: string | undefined): string {
  return organisation === undefined ? registryLog : organisationLog(organisation);
}
