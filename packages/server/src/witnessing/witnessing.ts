import { hash } from "node:crypto";
import { AssayError, isAssayError, parseFork, parseVkey, verifier } from "@assay/core";
import type { Cosigner } from "@assay/core";
import { createHttpFollowEffects, trustLog, type FollowEffects } from "@assay/verify";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { addCheckpoint } from "./add-checkpoint.ts";
import type { AddCheckpointAnswer, AddCheckpointDependencies, WatchedKey } from "./add-checkpoint.ts";
import { createForks } from "./forks.ts";
import { createGossip, type Gossip } from "./gossip.ts";
import { createWitnessInstruments } from "./instruments.ts";
import { createPace } from "./pace.ts";
import { addLog, cosignedAt, forgetOldCosigned, logOf, setVkey } from "./store.ts";

export { createForks } from "./forks.ts";
export { createGossip, type Gossip } from "./gossip.ts";
export { gossipMigrations, witnessMigrations } from "./migrations.ts";

/** A witness: it cosigns the checkpoints of its logs as long as each tree only grows (c2sp.org/tlog-witness). */
export interface Witness {
  /** vkeys of its cosignatures, the Ed25519 one first. */
  readonly vkeys: readonly string[];
  /**
   * Judges the body of an add-checkpoint request. Of requests at one time one is judged after the other; what is
   * answered with lines is durable. Throws BAD_FORMAT (400), FORBIDDEN (403), NOT_FOUND (404), WITNESS_REFUSED
   * (422), TOO_MANY_REQUESTS (429).
   */
  addCheckpoint(body: Uint8Array): Promise<AddCheckpointAnswer>;
  /** The note that was cosigned last, by the hex SHA-256 of its origin; undefined when there is none. */
  checkpoint(originHash: string): Promise<string | undefined>;
  /** Proof that this log signed two histories, oldest first; undefined for a log that is not watched. */
  forks(originHash: string): Promise<readonly string[] | undefined>;
  /** Compares what anybody shows of these logs with what was cosigned. */
  readonly gossip: Gossip;
  /** The logs that are watched, in the order of the configuration. */
  logs(): Promise<readonly WatchedLog[]>;
}

export interface WatchedLog {
  readonly origin: string;
  readonly vkey: string;
  readonly url: string | undefined;
  /** Of the checkpoint that was cosigned last. */
  readonly size: number | undefined;
  /** Whole seconds since 1970. */
  readonly cosignedAt: number | undefined;
}

export interface WitnessDependencies {
  /** With `witnessMigrations` and `gossipMigrations` run. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** For tiles of logs that have a URL. */
  readonly fetch: typeof fetch;
  /** At least one. */
  readonly cosigners: readonly Cosigner[];
  /** See `AddCheckpointDependencies`. */
  readonly crashPoint?: AddCheckpointDependencies["crashPoint"];
}

export interface WitnessOptions {
  /** Each origin once; vkeys of type 0x01. */
  readonly logs: readonly { readonly vkey: string; readonly url: string | undefined }[];
  /** New checkpoints of one log that are cosigned in a minute. */
  readonly perMinute: number;
  /** Where evidence is kept as files. */
  readonly evidenceFolder: string;
}

/** Checkpoints of one log that are remembered, so that an old fork is known when it is shown. */
const keptCheckpoints = 10_000;
/** Cosigned between two looks at what is to be forgotten. */
const forgetEvery = 256;

/**
 * Opens the witness: its logs are put on record with their keys. Throws CONFIG when a log was cosigned under another
 * key: a log keeps its key for life, and a new key is a new origin.
 */
export async function createWitness(deps: WitnessDependencies, options: WitnessOptions): Promise<Witness> {
  const { database, clock, cosigners, telemetry } = deps;
  const instruments = createWitnessInstruments(telemetry.metrics);
  const forks = createForks({ ...deps, instruments }, { folder: options.evidenceFolder });
  const logs = new Map<string, WatchedKey>();
  const byHash = new Map<string, WatchedKey>();
  for (const { vkey, url } of options.logs) {
    const log: WatchedKey = { origin: parseVkey(vkey).name, vkey, url, verifier: await verifier(vkey) };
    if (logs.has(log.origin))
      throw new AssayError("CONFIG", {
        reason: `Two keys are configured for the log ${log.origin}; keep the right one.`,
      });
    await register(deps, log);
    logs.set(log.origin, log);
    byHash.set(hash("sha256", log.origin), log);
  }
  await forks.restore([...logs.keys()]);
  const pace = createPace({ clock }, { perMinute: options.perMinute });
  const asking = { database, clock, cosigners, logs, forks, pace, crashPoint: deps.crashPoint ?? (() => {}) };
  let cosignedCount = 0;
  const gossip = createGossip({
    database,
    clock,
    telemetry,
    find: async (origin) => {
      const log = logs.get(origin);
      return (
        log && {
          vkey: log.vkey,
          newest: async () => (await logOf(database.read, origin))?.last?.note,
          fetchTile: tilesOf(deps, log),
          atSize: async (size) => (await cosignedAt(database.read, origin, size))?.note,
        }
      );
    },
    keepFork: async ({ origin }, document) => void (await forks.keep(origin, parseFork(document))),
  });

  return {
    gossip,
    vkeys: cosigners.map(({ vkey }) => vkey),

    async addCheckpoint(body) {
      let answer: AddCheckpointAnswer;
      try {
        answer = await addCheckpoint(asking, body);
      } catch (error) {
        instruments.requests.add(1, { answer: isAssayError(error) ? error.code : "failed" });
        throw error;
      }
      instruments.requests.add(1, { answer: answer.status === 200 ? "cosigned" : "conflict" });
      if (answer.status !== 200) return answer;
      const { size, cosignedAt, note } = answer.cosigned;
      const origin = note.slice(0, note.indexOf("\n"));
      instruments.size.set(size, { origin });
      instruments.cosignedAt.set(cosignedAt, { origin });
      cosignedCount += 1;
      if (cosignedCount % forgetEvery === 0)
        await database.write((transaction) => forgetOldCosigned(transaction, origin, keptCheckpoints));
      return answer;
    },

    async checkpoint(originHash) {
      const log = byHash.get(originHash);
      return log && (await logOf(database.read, log.origin))?.last?.note;
    },

    async forks(originHash) {
      const log = byHash.get(originHash);
      return log && (await forks.of(log.origin));
    },

    async logs() {
      return await Promise.all(
        [...logs.values()].map(async ({ origin, vkey, url }) => {
          const last = (await logOf(database.read, origin))?.last;
          return { origin, vkey, url, size: last?.size, cosignedAt: last?.cosignedAt };
        }),
      );
    },
  };
}

/** Where its tiles are, when the operator said so. */
function tilesOf(
  { fetch, clock }: Pick<WitnessDependencies, "fetch" | "clock">,
  { vkey, url }: WatchedKey,
): FollowEffects["fetchTile"] | undefined {
  if (url === undefined) return undefined;
  const { fetchTile } = createHttpFollowEffects({ fetch, sleep: (ms) => clock.sleep(ms), registry: url });
  return (_log, path) => fetchTile(trustLog(vkey, url), path);
}

async function register(
  { database, clock }: Pick<WitnessDependencies, "database" | "clock">,
  { origin, vkey }: WatchedKey,
): Promise<void> {
  await database.write(async (transaction) => {
    await addLog(transaction, { origin, vkey, addedAtMs: clock.now() });
    await setVkey(transaction, origin, vkey);
  });
  const standing = await logOf(database.read, origin);
  if (standing?.vkey !== vkey)
    throw new AssayError("CONFIG", {
      reason: `The log ${origin} was cosigned with the key ${standing?.vkey}, and ${vkey} is configured now; a log keeps its key for life, so ask its operator for the vkey of the new shard, or put the old key back.`,
    });
}
