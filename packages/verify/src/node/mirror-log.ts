import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AssayError, isAssayError, parseCheckpoint, parseNote } from "@assay/core";
import { copyLog, type CopyProgress } from "../follow/copy-log.ts";
import type { FollowEffects } from "../follow/effects.ts";
import { createFollower } from "../follow/follower.ts";
import { createHttpFollowEffects } from "../follow/http-effects.ts";
import { findSuccessor, openPredecessor, predecessorIn, successorIn } from "../follow/lineage.ts";
import type { FollowPolicy } from "../follow/policy.ts";
import type { SignedCheckpoint } from "../follow/signed-checkpoint.ts";
import { createProvenTree, type ProvenTree } from "../follow/tree.ts";
import { listLogs } from "../http-effects.ts";
import type { RequestDeps } from "../http-request.ts";
import { formatTrustFile, trustFileName } from "../trust-file.ts";
import { trustLog, trustLogs, type TrustedLog } from "../trust.ts";
import { createFileCheckpointStore } from "./checkpoint-store.ts";
import { createLogFolder, type LogFolder } from "./log-folder.ts";
import { sha256 } from "./sha256.ts";

/** What keeping a copy needs from outside. */
export interface MirrorLogDeps extends RequestDeps {
  readonly nowSeconds: () => number;
  /** A name that no other process uses at the same time. */
  readonly uniqueName: () => string;
}

export interface MirrorLogOptions {
  /** Base URL of a registry or database, or the log's own URL, where its `checkpoint` is. */
  readonly url: string;
  /** The pinned key. */
  readonly vkey: string;
  readonly policy: FollowPolicy;
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CopyProgress & { readonly shard: string }) => void;
}

/** A shard as the copy has it now. */
export interface MirroredShard {
  readonly vkey: string;
  readonly origin: string;
  /** Below the folder: `-/log/<shard>`. */
  readonly path: string;
  readonly size: number;
  /** Entries that this round brought. */
  readonly added: number;
}

/**
 * Brings a complete copy of a log up to date, with every shard that it went on in and came from, as its records vouch
 * for them; oldest first.
 * Layout below the folder: `-/log/<shard>/checkpoint` and `…/tile/…`, as URLs have it, so that a web server over the
 * folder is a copy that followers and verifiers can read; `assay.trust.json` names the keys. What was seen of each log
 * is kept in `.state`. Everything is verified before it is written; may be cut off at any moment and run again.
 *
 * Throws as `Follower.update` and `copyLog`.
 */
export async function mirrorLog(deps: MirrorLogDeps, options: MirrorLogOptions): Promise<readonly MirroredShard[]> {
  const { url, folder } = options;
  const listed = once(() => listLogs({ ...deps, registry: url }));
  const pinned = await locate(deps, options);
  const first = await mirrorShard(deps, options, pinned);
  const shards = [first.shard];
  for (let { tree } = first; ;) {
    const successor = await successorIn(tree);
    if (successor === undefined) break;
    const next = findSuccessor(sha256, successor, await listed());
    if (next === undefined) throw notListed(url, successor.origin);
    const mirrored = await mirrorShard(deps, options, trustLog(next.vkey, shardUrl(url, next.origin)));
    shards.push(mirrored.shard);
    ({ tree } = mirrored);
  }
  for (let { tree } = first; ;) {
    const predecessor = await predecessorIn(tree);
    if (predecessor === undefined) break;
    const candidates = (await listed()).map(({ vkey, origin }) => trustLog(vkey, shardUrl(url, origin)));
    const signed = await openPredecessor(createHttpFollowEffects({ ...deps, registry: "" }), predecessor, candidates);
    if (signed === undefined) throw notListed(url, predecessor.origin);
    const mirrored = await mirrorFinal(deps, options, signed);
    shards.unshift(mirrored.shard);
    ({ tree } = mirrored);
  }
  const file = formatTrustFile(trustLogs(shards.map(({ vkey }) => trustLog(vkey))));
  await writeFile(join(folder, trustFileName), file);
  return shards;
}

interface Mirrored {
  readonly tree: ProvenTree;
  readonly shard: MirroredShard;
}

async function mirrorShard(deps: MirrorLogDeps, options: MirrorLogOptions, log: TrustedLog): Promise<Mirrored> {
  const place = placeOf(deps, options, log);
  const { policy } = options;
  return await copyTo(options, place, await createFollower({ sha256, effects: place.effects, log, policy }).update());
}

/** A shard whose last tree a later one vouched for: whatever its key signs besides is of no interest. */
async function mirrorFinal(
  deps: MirrorLogDeps,
  options: MirrorLogOptions,
  signed: SignedCheckpoint,
): Promise<Mirrored> {
  const place = placeOf(deps, options, signed.log);
  const { effects } = place;
  return await copyTo(options, place, createProvenTree({ sha256, effects, memory: new Map() }, signed));
}

interface CopyPlace {
  readonly name: string;
  /** Below the folder. */
  readonly path: string;
  readonly store: LogFolder;
  readonly effects: FollowEffects;
}

function placeOf(deps: MirrorLogDeps, { folder }: MirrorLogOptions, log: TrustedLog): CopyPlace {
  const { fetch, sleep, nowSeconds, uniqueName } = deps;
  const name = log.origin.slice(log.origin.lastIndexOf("/") + 1);
  const path = join("-", "log", name);
  const store = createLogFolder({ folder: join(folder, path), uniqueName });
  const effects: FollowEffects = {
    ...createHttpFollowEffects({ fetch, sleep, registry: "" }),
    ...createFileCheckpointStore({ folder: join(folder, ".state"), uniqueName }),
    readTile: store.readTile,
    // The copy itself is the cache, and writes in its own order.
    writeTile: async () => {},
    nowSeconds,
    sleep,
  };
  return { name, path, store, effects };
}

async function copyTo(options: MirrorLogOptions, place: CopyPlace, tree: ProvenTree): Promise<Mirrored> {
  const { signal, onProgress } = options;
  const { name, path, store } = place;
  const shown = await store.readNote();
  const before = shown === undefined ? 0 : parseCheckpoint(parseNote(shown).text).size;
  await copyLog({ tree, store }, { signal, onProgress: (progress) => onProgress({ ...progress, shard: name }) });
  const { vkey, origin } = tree.signed.log;
  const { size } = tree.signed.checkpoint;
  return { tree, shard: { vkey, origin, path, size, added: size - before } };
}

function notListed(url: string, origin: string): AssayError<"LOG_UNAVAILABLE"> {
  const reason = `the log goes over to ${origin}, and no key is listed that its records vouch for`;
  return new AssayError("LOG_UNAVAILABLE", { url, reason });
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= work());
}

/** Where the log is: below the base URL of an Assay, else at the URL itself. Throws LOG_UNAVAILABLE. */
async function locate(deps: MirrorLogDeps, { url, vkey }: MirrorLogOptions): Promise<TrustedLog> {
  const below = trustLog(vkey, shardUrl(url, trustLog(vkey).origin));
  const direct = trustLog(vkey, url);
  const http = createHttpFollowEffects({ ...deps, registry: "" });
  try {
    await http.fetchCheckpoint(below);
    return below;
  } catch (error) {
    if (!isAssayError(error, "LOG_UNAVAILABLE")) throw error;
    await http.fetchCheckpoint(direct);
    return direct;
  }
}

function shardUrl(base: string, origin: string): string {
  return `${base}/-/log/${encodeURIComponent(origin.slice(origin.lastIndexOf("/") + 1))}`;
}
