import {
  encodeUtf8,
  equalBytes,
  fromBase64,
  isAssayError,
  namesSuccessor,
  parseVkey,
  toBase64,
  toHex,
  type Sha256,
} from "@assay/core";
import type { TrustedLog } from "../trust.ts";
import type { FollowEffects } from "./effects.ts";
import { openCheckpoint, type SignedCheckpoint } from "./signed-checkpoint.ts";
import type { ProvenTree } from "./tree.ts";

/** The shard that a log goes on in, as the last two records of the one before vouch for it. */
export interface Successor {
  readonly origin: string;
  /** Hex of the key ID, and `sha256-<base64>` of the vkey. */
  readonly keyid: string;
  readonly key: string;
}

/** The shard that a log was kept in before, as the first record of the later one vouches for it: final size and root. */
export interface Predecessor {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/**
 * The successor of this shard: its last records are `key` (of the successor's checkpoints) and `shard`, in this order.
 * Undefined while it is open. Throws as `ProvenTree.readRecord`. Spec: docs/formats/record.md.
 */
export async function successorIn(tree: ProvenTree): Promise<Successor | undefined> {
  const { size } = tree.signed.checkpoint;
  if (size < 2) return undefined;
  const { record: last } = await tree.readRecord(size - 1);
  if (!namesSuccessor(last)) return undefined;
  const { record: key } = await tree.readRecord(size - 2);
  if (key.kind !== "key" || key.action !== "add" || key.use !== "checkpoint") return undefined;
  return { origin: last.origin, keyid: key.keyid, key: key.key };
}

/**
 * As `successorIn`, and undefined also when the entries cannot be had (those of a private log may not be for everybody).
 * Throws LOG_REFUSED alone.
 */
export async function seenSuccessor(tree: ProvenTree): Promise<Successor | undefined> {
  try {
    return await successorIn(tree);
  } catch (error) {
    if (!isAssayError(error) || isAssayError(error, "LOG_REFUSED")) throw error;
    return undefined;
  }
}

/** The predecessor of this shard; undefined when it is the first of its log, or empty. Throws as `ProvenTree.readRecord`. */
export async function predecessorIn(tree: ProvenTree): Promise<Predecessor | undefined> {
  if (tree.signed.checkpoint.size === 0) return undefined;
  const { record } = await tree.readRecord(0);
  if (record.kind !== "shard" || record.side !== "predecessor") return undefined;
  return { origin: record.origin, size: record.size, root: fromBase64(record.root) };
}

function isSuccessorKey(sha256: Sha256, { origin, keyid, key }: Successor, vkey: string): boolean {
  const { name, keyId } = parseVkey(vkey);
  return name === origin && toHex(keyId) === keyid && key === `sha256-${toBase64(sha256(encodeUtf8(vkey)))}`;
}

/** The one among these keys that the shard before vouched for. Nothing in a list is trusted. */
export function findSuccessor<Listed extends { readonly vkey: string }>(
  sha256: Sha256,
  successor: Successor,
  listed: readonly Listed[],
): Listed | undefined {
  return listed.find(({ vkey }) => isSuccessorKey(sha256, successor, vkey));
}

/** Whether this is the final tree that the later shard vouched for: then its key says nothing more, and need not. */
export function isPredecessorTree({ origin, size, root }: Predecessor, signed: SignedCheckpoint): boolean {
  const { checkpoint } = signed;
  return checkpoint.origin === origin && checkpoint.size === size && equalBytes(checkpoint.root, root);
}

/**
 * The final checkpoint of a predecessor, by whichever of these keys signed it; undefined when none of them shows the
 * tree that the later shard vouched for (one that was lost with a backup is not served to its end).
 * Throws LOG_UNAVAILABLE.
 */
export async function openPredecessor(
  effects: Pick<FollowEffects, "fetchCheckpoint">,
  predecessor: Predecessor,
  candidates: readonly TrustedLog[],
): Promise<SignedCheckpoint | undefined> {
  for (const log of candidates.filter(({ origin }) => origin === predecessor.origin)) {
    try {
      const signed = await openCheckpoint(log, await effects.fetchCheckpoint(log));
      if (isPredecessorTree(predecessor, signed)) return signed;
    } catch (error) {
      if (!isAssayError(error, "BAD_FORMAT")) throw error;
    }
  }
  return undefined;
}
