import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AssayError, isAssayError, parseCheckpoint, parseNote } from "@assay/core";
import { copyLog, type CopyProgress } from "../follow/copy-log.ts";
import type { FollowEffects } from "../follow/effects.ts";
import { createFollower } from "../follow/follower.ts";
import { createHttpFollowEffects } from "../follow/http-effects.ts";
import { isSuccessorKey, successorIn, type Successor } from "../follow/lineage.ts";
import type { FollowPolicy } from "../follow/policy.ts";
import type { ProvenTree } from "../follow/tree.ts";
import { listLogs } from "../http-effects.ts";
import type { RequestDeps } from "../http-request.ts";
import { formatTrustFile, trustFileName } from "../trust-file.ts";
import { trustLog, trustLogs, type TrustedLog } from "../trust.ts";
import { createFileCheckpointStore } from "./checkpoint-store.ts";
import { createLogFolder } from "./log-folder.ts";
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
 * Brings a complete copy of a log up to date, with every shard that it went on in, as its records vouch for them.
 * Layout below the folder: `-/log/<shard>/checkpoint` and `…/tile/…`, as URLs have it, so that a web server over the
 * folder is a copy that followers and verifiers can read; `assay.trust.json` names the keys. What was seen of each log
 * is kept in `.state`. Everything is verified before it is written; may be cut off at any moment and run again.
 *
 * Throws as `Follower.update` and `copyLog`.
 */
export async function mirrorLog(deps: MirrorLogDeps, options: MirrorLogOptions): Promise<readonly MirroredShard[]> {
  const { url, folder } = options;
  const shards: MirroredShard[] = [];
  let log = await locate(deps, options);
  for (;;) {
    const { tree, shard } = await mirrorShard(deps, options, log);
    shards.push(shard);
    const successor = await successorIn(tree);
    if (successor === undefined) break;
    log = await locateSuccessor(deps, url, successor);
  }
  const file = formatTrustFile(trustLogs(shards.map(({ vkey }) => trustLog(vkey))));
  await writeFile(join(folder, trustFileName), file);
  return shards;
}

async function mirrorShard(
  deps: MirrorLogDeps,
  { folder, policy, signal, onProgress }: MirrorLogOptions,
  log: TrustedLog,
): Promise<{ readonly tree: ProvenTree; readonly shard: MirroredShard }> {
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
  const shown = await store.readNote();
  const before = shown === undefined ? 0 : parseCheckpoint(parseNote(shown).text).size;
  const tree = await createFollower({ sha256, effects, log, policy }).update();
  await copyLog({ tree, store }, { signal, onProgress: (progress) => onProgress({ ...progress, shard: name }) });
  const { vkey, origin } = log;
  const { size } = tree.signed.checkpoint;
  return { tree, shard: { vkey, origin, path, size, added: size - before } };
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

async function locateSuccessor(deps: MirrorLogDeps, url: string, successor: Successor): Promise<TrustedLog> {
  const listed = await listLogs({ ...deps, registry: url });
  const next = listed.find(({ vkey }) => isSuccessorKey(sha256, successor, vkey));
  if (next !== undefined) return trustLog(next.vkey, shardUrl(url, next.origin));
  const reason = `the log goes on in ${successor.origin}, and the key that it vouched for is not listed`;
  throw new AssayError("LOG_UNAVAILABLE", { url, reason });
}

function shardUrl(base: string, origin: string): string {
  return `${base}/-/log/${encodeURIComponent(origin.slice(origin.lastIndexOf("/") + 1))}`;
}
