import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AssayError } from "@assay/core";
import {
  anyCheckpoint,
  createFollower,
  createHttpFollowEffects,
  listLogs,
  noTileCache,
  parseTrustFile,
  predecessorIn,
  trustFileName,
  trustLog,
  type FollowEffects,
  type Predecessor,
  type ProvenTree,
  type TrustedLog,
} from "@assay/verify";
import { createLogFolder, sha256 } from "@assay/verify/node";
import type { Clock } from "../platform/clock.ts";

/** A shard in a copy, under a signature of a trusted key. */
export interface CopiedShard {
  readonly id: string;
  /** Of its first record; of an empty one as its name says. */
  readonly ns: string;
  readonly log: TrustedLog;
  readonly tree: ProvenTree;
  /** Of its first record; false when it is empty. */
  readonly isPrivate: boolean;
  readonly predecessor: Predecessor | undefined;
}

export interface CopyOptions {
  /** A folder with `-/log/<shard>` below it, or a base URL. */
  readonly from: string;
  readonly isUrl: boolean;
  readonly trust: readonly string[];
}

interface CopyDependencies {
  readonly clock: Clock;
  /** A name that no other process uses at the same time. */
  readonly uniqueName: () => string;
}

/**
 * The lineages of the logs in a copy, one after the other, each oldest first and whole. Throws CONFIG when no trusted key is in it or a shard is missing,
 * and as `Follower.update`.
 */
export async function openCopy(deps: CopyDependencies, options: CopyOptions): Promise<readonly CopiedShard[]> {
  const { from, isUrl, trust } = options;
  const vkeys = isUrl ? await vkeysAt(deps, from) : await vkeysIn(from);
  const trusted = vkeys.filter((vkey) => trust.includes(vkey));
  if (trusted.length === 0)
    throw new AssayError("CONFIG", {
      reason: `Nothing at ${from} is signed by a key of this installation; name the keys to believe with --trust: ${vkeys.join(", ")}`,
    });
  const copies: CopiedShard[] = [];
  for (const vkey of trusted) copies.push(await openShard(deps, options, trustLog(vkey)));
  return [...Map.groupBy(copies, ({ ns }) => ns).values()].flatMap((lineage) => lineageOf(lineage, from));
}

async function openShard(deps: CopyDependencies, { from, isUrl }: CopyOptions, log: TrustedLog): Promise<CopiedShard> {
  const id = log.origin.slice(log.origin.lastIndexOf("/") + 1);
  const notes = new Map<string, string>();
  const { clock, uniqueName } = deps;
  const effects: FollowEffects = {
    ...(isUrl
      ? createHttpFollowEffects({ fetch, sleep: (ms) => clock.sleep(ms), registry: from })
      : createLogFolder({ folder: join(from, "-", "log", id), uniqueName }).effects),
    ...noTileCache,
    // What was seen before is what the signing guard remembers; the start holds the log against it.
    readCheckpoint: async (vkey) => notes.get(vkey),
    swapCheckpoint: async (vkey, _previous, next) => notes.set(vkey, next) === notes,
    nowSeconds: () => Math.floor(clock.now() / 1000),
    sleep: (ms) => clock.sleep(ms),
  };
  const tree = await createFollower({ sha256, effects, log, policy: anyCheckpoint }).update();
  if (tree.signed.checkpoint.size === 0)
    return { id, ns: logOfShard(id), log, tree, isPrivate: false, predecessor: undefined };
  const { record } = await tree.readRecord(0);
  const isPrivate = record.kind !== "unknown" && record.nonce !== "-";
  const ns = record.kind === "unknown" ? logOfShard(id) : record.ns;
  return { id, ns, log, tree, isPrivate, predecessor: await predecessorIn(tree) };
}

/** `org-acme-2026a` is of `org:acme`. */
function logOfShard(id: string): string {
  return id.replace(/-\d+[a-z]+$/, "").replace(/^org-/, "org:");
}

async function vkeysAt({ clock }: CopyDependencies, registry: string): Promise<readonly string[]> {
  const listed = await listLogs({ fetch, sleep: (ms) => clock.sleep(ms), registry });
  return listed.map(({ vkey }) => vkey);
}

async function vkeysIn(folder: string): Promise<readonly string[]> {
  const path = join(folder, trustFileName);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AssayError(
      "CONFIG",
      { reason: `${folder} is no copy of a log that assay log mirror made: it has no ${trustFileName}.` },
      { cause },
    );
  });
  return parseTrustFile(bytes).logs.map(({ vkey }) => vkey);
}

/** From the one without a predecessor to the last. Throws CONFIG when they are not one line. */
function lineageOf(copies: readonly CopiedShard[], from: string): readonly CopiedShard[] {
  const lineage: CopiedShard[] = [];
  let next = copies.find(({ predecessor }) => predecessor === undefined);
  while (next !== undefined) {
    lineage.push(next);
    const { origin } = next.log;
    next = copies.find(({ predecessor }) => predecessor?.origin === origin);
  }
  if (lineage.length === copies.length) return lineage;
  const orphan = copies.find((copy) => !lineage.includes(copy));
  throw new AssayError("CONFIG", {
    reason: `${orphan?.id} at ${from} goes on from ${orphan?.predecessor?.origin}, which is not there or not trusted; name its key with --trust.`,
  });
}
