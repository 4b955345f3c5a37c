import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { AssayError } from "@assay/core";
import { isPredecessorTree } from "@assay/verify";
import { fragmentKey, tarballKey } from "../admission/claim.ts";
import { keepBlobs } from "../admission/store.ts";
import { finishRecovery, recoverShard, type RecoveredShard } from "../checksums/checksums.ts";
import { bindOfClaim } from "../checksums/claim-text.ts";
import { claimsPage } from "../checksums/store-claims.ts";
import { listShards, type ShardState } from "../checksums/store-shards.ts";
import type { LoadedConfig } from "../config/load.ts";
import { lockFolder } from "../platform/database/folder-lock.ts";
import { checkpointVkeys } from "../signing/signing.ts";
import { openStorage, type Storage, type StorageOptions } from "../storage.ts";
import { openCopy, type CopiedShard } from "./copy.ts";

export interface RecoverOptions extends StorageOptions {
  /** A folder that `assay log mirror` made, or the URL of a registry or of a copy that is served. */
  readonly from: string;
  /** vkeys to believe besides those whose keys are in the data folder. */
  readonly trust: readonly string[];
  readonly cwd: string;
  readonly uniqueName: () => string;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number, shard: string) => void;
}

export interface Recovered {
  readonly shards: readonly { readonly shard: string; readonly size: number; readonly state: ShardState }[];
}

/**
 * Makes the tables of the log again from a complete copy, into a database that has none: entries, claims, packages,
 * heads, and what keeps the blobs of bound versions. Lost are claims that waited, events, and when a version was first
 * seen. Everything is held against the signatures of keys that are in the data folder or given. May be cut off and run
 * again. Afterwards the log goes on where the copy ends; when more was signed than the copy has, the start refuses
 * (`assay log rotate --restored`).
 *
 * Throws CONFIG where a log is, or no key is known; LOG_UNAVAILABLE, LOG_REFUSED, BAD_FORMAT for a copy that is none.
 */
export async function recoverLog(loaded: LoadedConfig, options: RecoverOptions): Promise<Recovered> {
  const { config } = loaded;
  await using storage = await openStorage(loaded, options);
  using _lock = config.database.engine === "sqlite" ? lockFolder(join(config.dataFolder, "lock.db")) : undefined;
  const trust = [...new Set([...(await checkpointVkeys(join(config.dataFolder, "keys"))), ...options.trust])];
  const isUrl = /^https?:\/\//.test(options.from);
  const from = isUrl ? options.from.replace(/\/+$/, "") : resolve(options.cwd, options.from);
  if (!isUrl && !existsSync(from)) throw new AssayError("CONFIG", { reason: `There is no folder ${from}.` });
  const copies = await openCopy({ ...storage, uniqueName: options.uniqueName }, { from, isUrl, trust });
  const logs = new Set(copies.map(({ ns }) => ns));
  const standing = (await listShards(storage.database.read)).filter(({ state }) => state !== "recovering");
  const there = standing.find(({ log }) => logs.has(log));
  if (there !== undefined)
    throw new AssayError("CONFIG", {
      reason: `There is a log ${there.id} in this database; recovery is into one that has lost it.`,
    });
  const shards = copies.map((copy, i) => recovered(copy, i + 1 - copies.findIndex(({ ns }) => ns === copy.ns)));
  const total = shards.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const shard of shards) {
    await recoverShard(storage, shard, (done) => {
      options.signal.throwIfAborted();
      options.onProgress(before + done, total, shard.id);
    });
    before += shard.size;
  }
  for (const log of logs) await keepBoundBlobs(storage, log);
  const states = copies.map((copy, i) => stateOf(copy, copies[i + 1]?.ns === copy.ns ? copies[i + 1] : undefined));
  await finishRecovery(
    storage,
    shards.map((shard, i) => ({ shard, state: states[i] ?? "open" })),
  );
  return { shards: shards.map(({ id, size }, i) => ({ shard: id, size, state: states[i] ?? "open" })) };
}

function recovered({ id, ns, log, tree, isPrivate }: CopiedShard, number: number): RecoveredShard {
  const { checkpoint, note } = tree.signed;
  const { size, root } = checkpoint;
  return {
    id,
    log: ns,
    number,
    origin: log.origin,
    vkey: log.vkey,
    visibility: isPrivate ? "private" : "public",
    size,
    root,
    note,
    records: (from) => tree.readRecords(from, size),
  };
}

/** The last shard is open; one that the next says ended later than the copy has it cannot be signed any more. */
function stateOf({ tree }: CopiedShard, next: CopiedShard | undefined): ShardState {
  const said = next?.predecessor;
  if (said === undefined) return "open";
  return isPredecessorTree(said, tree.signed) ? "frozen" : "abandoned";
}

/** Claims read at a time. */
const pageSize = 1000;

/** Marks the blobs of everything that is bound as in use: else the orphan collector would take them for its own. */
async function keepBoundBlobs({ database, clock }: Storage, log: string): Promise<void> {
  let after = 0;
  for (;;) {
    const claims = await claimsPage(database.read, log, after, pageSize);
    const last = claims.at(-1);
    if (last === undefined) return;
    after = last.id;
    const keys = claims
      .filter(({ kind }) => kind === "bind" || kind === "supersede")
      .map((claim) => bindOfClaim(claim.facts, claim.claimedAtMs))
      .flatMap((bind) => [tarballKey(bind), fragmentKey(bind)]);
    if (keys.length > 0) await database.write((transaction) => keepBlobs(transaction, [...new Set(keys)], clock.now()));
  }
}
