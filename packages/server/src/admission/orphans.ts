import type { BlobKey, BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import { clearDoomed, doomOrphans, doomedBefore } from "./store.ts";

export interface OrphanDeps {
  readonly blobs: BlobStore;
  readonly database: Database;
  readonly clock: Clock;
}

/** Blobs younger than this may belong to an admission under way. */
const ageMs = 3_600_000;
/** A removal that began this long ago was left by a crash. */
const abandonedMs = 600_000;
const batchSize = 200;

/**
 * Removes blobs of this room that nothing refers to and that are older than an hour. Answers how many.
 *
 * Safe beside admissions here and in other processes: an orphan is doomed in a transaction before it is
 * removed, and a claim on a doomed blob waits and stores it again. A crash leaves doomed rows; the next run
 * finishes them.
 */
export async function collectOrphans(deps: OrphanDeps, signal: AbortSignal): Promise<{ readonly removed: number }> {
  const { blobs, database, clock } = deps;
  let removed = 0;
  const finish = async (keys: readonly BlobKey[]): Promise<void> => {
    for (const key of keys) await blobs.remove(key);
    await database.write((transaction) => clearDoomed(transaction, keys));
    removed += keys.length;
  };
  const remove = async (keys: readonly BlobKey[]): Promise<void> => {
    await finish(await database.write((transaction) => doomOrphans(transaction, keys, clock.now())));
  };
  await finish(await doomedBefore(database.read, clock.now() - abandonedMs));
  for (const kind of ["tarball", "manifest", "attestation", "evidence"]) {
    let batch: BlobKey[] = [];
    for await (const { key, modifiedMs } of blobs.list(kind)) {
      if (signal.aborted) return { removed };
      if (clock.now() - modifiedMs < ageMs) continue;
      batch.push(key);
      if (batch.length < batchSize) continue;
      await remove(batch);
      batch = [];
    }
    await remove(batch);
  }
  return { removed };
}
