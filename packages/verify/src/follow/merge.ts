import {
  AssayError,
  equalBytes,
  formatFork,
  isAssayError,
  proveConsistency,
  treeRoot,
  type Fork,
  type MisbehaviourError,
} from "@assay/core";
import type { CheckpointState } from "./effects.ts";
import { misbehaviour, refused } from "./evidence.ts";
import { openCheckpoint, type SignedCheckpoint } from "./signed-checkpoint.ts";
import { createTileChain, type TileDeps } from "./tile-chain.ts";

/**
 * How a checkpoint relates to the newest one seen before: `first`: none was seen. `same`: equal.
 * `extends`: it was proven that the tree only grew; it is now the newest. `older`: it was proven that it is a
 * prefix of the newest, which stays: somebody shows an old state. `not-compared`: offline, and of another size.
 */
export type Consistency = "first" | "same" | "extends" | "older" | "not-compared";

/** What holding a checkpoint against the state needs. */
export interface MergeDeps extends TileDeps {
  readonly effects: TileDeps["effects"] & CheckpointState;
}

const maxAttempts = 16;

/**
 * Holds a signed checkpoint against the newest one that was verified for its key, and keeps the newer
 * (the client algorithm of Go's checksum database: of two trees the smaller must be a prefix of the larger).
 *
 * The stored value is replaced by compare-and-swap, so that processes that run at once never step back; a
 * crash leaves either value, and both were verified.
 *
 * Throws MisbehaviourError (`fork`, with both notes and the proof: docs/formats/gossip.md) when the log signed two trees that exclude each
 * other; LOG_REFUSED when the tiles that would prove it are wrong (`wrong-tile`), or when an older tree is shown and
 * not proven to be one of the same history (`rolled-back`); LOG_UNAVAILABLE when tiles are missing.
 */
export async function mergeCheckpoint(
  deps: MergeDeps,
  signed: SignedCheckpoint,
  options: { readonly offline: boolean },
): Promise<Consistency> {
  const { effects } = deps;
  const { vkey } = signed.log;
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const stored = await effects.readCheckpoint(vkey);
    if (stored === undefined) {
      if (await effects.swapCheckpoint(vkey, undefined, signed.note)) return "first";
      continue;
    }
    if (stored === signed.note) return "same";
    const newest = await openStored(signed.log, stored);
    const known = newest.checkpoint.size;
    const shown = signed.checkpoint.size;
    if (known === shown) {
      const { root } = signed.checkpoint;
      if (!equalBytes(newest.checkpoint.root, root)) throw forked(newest, signed, { root, proof: [] });
      return "same";
    }
    if (options.offline) return "not-compared";
    if (shown < known) {
      await proveOlder(deps, signed, newest);
      return "older";
    }
    await provePrefix(deps, newest, signed);
    if (await effects.swapCheckpoint(vkey, stored, signed.note)) return "extends";
  }
  throw new AssayError("LOG_UNAVAILABLE", {
    url: signed.log.origin,
    reason: "its stored checkpoint keeps changing under another process; try again",
  });
}

/** Opens what the state holds. Throws BAD_FORMAT when its signature is not good any more. */
export async function openStored(log: SignedCheckpoint["log"], stored: string): Promise<SignedCheckpoint> {
  try {
    return await openCheckpoint(log, stored);
  } catch (error) {
    throw new AssayError(
      "BAD_FORMAT",
      {
        what: `The stored checkpoint of ${log.origin}`,
        reason: "its signature is not good any more; find out who changed it before you remove it",
      },
      { cause: error },
    );
  }
}

/** The sentence of a log that shows less than it signed before. */
export function rolledBack(shown: SignedCheckpoint, newest: SignedCheckpoint, because: string, cause?: unknown): Error {
  const reason = `it shows a tree of ${shown.checkpoint.size} entries although it signed one of ${newest.checkpoint.size} before${because}; either somebody replays an old state, or the log was restored from an old backup`;
  return refused("rolled-back", shown.log, reason, { shown: shown.note, newest: newest.note }, cause);
}

/** As `provePrefix`; whoever shows less than before and does not prove it is refused as a rollback. */
async function proveOlder(deps: MergeDeps, older: SignedCheckpoint, newer: SignedCheckpoint): Promise<void> {
  try {
    await provePrefix(deps, older, newer);
  } catch (error) {
    if (isAssayError(error, "LOG_UNAVAILABLE") || isAssayError(error, "LOG_REFUSED"))
      throw rolledBack(older, newer, ", and does not prove that the one grew into the other", error);
    throw error;
  }
}

/** Proves from tiles that lead to the newer root that `older` is a prefix of `newer`. */
async function provePrefix(deps: MergeDeps, older: SignedCheckpoint, newer: SignedCheckpoint): Promise<void> {
  const { sha256 } = deps;
  const oldSize = older.checkpoint.size;
  // Every tree extends the empty one, and the checkpoint parser has fixed the empty root.
  if (oldSize === 0) return;
  const { hashes } = createTileChain(deps, newer);
  const impliedRoot = await treeRoot(sha256, oldSize, hashes);
  if (equalBytes(impliedRoot, older.checkpoint.root)) return;
  // The tiles are authentic, so the log signed a tree whose first entries are not the ones it had signed before.
  const proof = await proveConsistency(sha256, oldSize, newer.checkpoint.size, hashes);
  throw forked(older, newer, { root: impliedRoot, proof });
}

/** `root`: what the larger tree has at the size of the smaller one, with the proof that it does. */
function forked(
  smaller: SignedCheckpoint,
  larger: SignedCheckpoint,
  { root, proof }: Pick<Fork, "root" | "proof">,
): MisbehaviourError {
  const { log } = larger;
  const sentence = `The log ${log.origin} signed two histories that exclude each other (sizes ${smaller.checkpoint.size} and ${larger.checkpoint.size}). Trust neither; keep this evidence and tell its operator and its other users.`;
  const fork = formatFork({ smaller: smaller.note, larger: larger.note, root, proof });
  return misbehaviour("fork", log, sentence, { fork });
}
