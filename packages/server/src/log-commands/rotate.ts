import { join } from "node:path";
import { AssayError, isAssayError } from "@assay/core";
import {
  awaitRotation,
  createChecksums,
  reopenAfterRestore,
  requestRotation,
  type Checksums,
} from "../checksums/checksums.ts";
import { listShards } from "../checksums/store-shards.ts";
import type { LoadedConfig } from "../config/load.ts";
import { lockFolder } from "../platform/database/folder-lock.ts";
import { openStorage, type Storage, type StorageOptions } from "../storage.ts";

export interface RotateOptions extends StorageOptions {
  /** Which log, `npm` for that of the public namespace. */
  readonly log: string;
  /** After an old backup was restored: the old shard cannot be signed any more. */
  readonly isRestored: boolean;
  readonly signal: AbortSignal;
}

export interface Rotated {
  readonly ended: string;
  /** The new shard. */
  readonly shard: string;
  readonly origin: string;
  readonly vkey: string;
  /** Entries that were signed and are not in this database; only after a restore. */
  readonly lost: number;
}

/** Longest wait for a server to open a shard, ms; a server looks each second. */
const longestWaitMs = 15_000;

/**
 * Ends the open shard of a log and opens the next one; after a restore, of every log that refuses. A server that runs does it within a second; where none does,
 * this process does it. Cut off anywhere, it is finished by whoever does this again or by the next server that starts.
 *
 * Throws LOG_GUARD for a restored backup unless `isRestored`; CONFIG when that is said and is not so, or a server runs;
 * NOT_READY when a server runs and does not sequence.
 */
export async function rotateLog(loaded: LoadedConfig, options: RotateOptions): Promise<readonly Rotated[]> {
  const isShared = loaded.config.database.engine !== "sqlite";
  await using storage = await openStorage(loaded, options);
  using lock = isShared ? undefined : lockIfFree(loaded, options);
  if (options.isRestored) {
    const reopened = await reopenRefused(storage, loaded);
    const checksums = await createChecksums(storage, keptHere(loaded));
    const all: Rotated[] = [];
    for (const { abandoned: ended, lost } of reopened)
      all.push({ ...(await sequenceUntilOpen(storage, checksums, { ended, signal: options.signal })), lost });
    return all;
  }
  if (lock !== undefined) return [await rotateHere(storage, loaded, options)];
  const ended = await requestRotation(storage.database, options.log);
  const opened = await awaitRotation(storage, ended, { waitMs: longestWaitMs, signal: options.signal });
  if (opened !== undefined) return [rotated(ended, opened)];
  // No lock tells whether a server runs on a shared database; one that did would have opened it by now.
  if (isShared) return [await rotateHere(storage, loaded, options)];
  throw new AssayError("NOT_READY", {
    reason: `the server on this data folder has not opened the shard after ${ended.id}; restart it, it does that first`,
    retryAfterSeconds: 30,
  });
}

/** A backup that is older than one log is older than others maybe: every log that refuses. Throws CONFIG when none does. */
async function reopenRefused(
  storage: Storage,
  { config }: LoadedConfig,
): Promise<readonly Awaited<ReturnType<typeof reopenAfterRestore>>[]> {
  const logs = new Set((await listShards(storage.database.read)).map(({ log }) => log));
  const reopened = [];
  let nothing: AssayError<"CONFIG"> = new AssayError("CONFIG", { reason: `There is no log in ${config.dataFolder}.` });
  for (const log of logs) {
    try {
      reopened.push(await reopenAfterRestore(storage, config.log, log));
    } catch (error) {
      if (!isAssayError(error, "CONFIG")) throw error;
      nothing = error;
    }
  }
  if (reopened.length === 0) throw nothing;
  return reopened;
}

/** A log that is followed is not made here. */
function keptHere({ config }: LoadedConfig): Parameters<typeof createChecksums>[1] {
  return { ...config.log, isFollowed: config.checksums !== undefined };
}

/** The lock of the data folder, or undefined while a server holds it. After a restore no server may run. */
function lockIfFree({ config }: LoadedConfig, { isRestored }: RotateOptions): Disposable | undefined {
  try {
    return lockFolder(join(config.dataFolder, "lock.db"));
  } catch (error) {
    if (isRestored || !isAssayError(error, "CONFIG")) throw error;
    return undefined;
  }
}

async function rotateHere(storage: Storage, loaded: LoadedConfig, { log, signal }: RotateOptions): Promise<Rotated> {
  // Opening the room checks the log: a restored backup is refused before anything is asked for.
  const checksums = await createChecksums(storage, keptHere(loaded));
  const ended = await requestRotation(storage.database, log);
  return await sequenceUntilOpen(storage, checksums, { ended, signal });
}

/** Sequences the log in this process until a shard after this one is open. */
async function sequenceUntilOpen(
  storage: Storage,
  checksums: Checksums,
  { ended, signal }: { readonly ended: EndedShard; readonly signal: AbortSignal },
): Promise<Rotated> {
  const done = new AbortController();
  const stop = AbortSignal.any([signal, done.signal]);
  const running = checksums.run(stop);
  const waiting = awaitRotation(storage, ended, { waitMs: longestWaitMs, signal: stop });
  try {
    const opened = await Promise.race([waiting, running.then(() => undefined)]);
    if (opened !== undefined) return rotated(ended, opened);
    throw new AssayError("NOT_READY", {
      reason: `the shard after ${ended.id} is not open yet; do this again, or start the server`,
      retryAfterSeconds: 1,
    });
  } finally {
    done.abort();
    await Promise.allSettled([running, waiting]);
  }
}

type EndedShard = Awaited<ReturnType<typeof requestRotation>>;

function rotated(ended: EndedShard, { id, origin, vkey }: EndedShard): Rotated {
  return { ended: ended.id, shard: id, origin, vkey, lost: 0 };
}
