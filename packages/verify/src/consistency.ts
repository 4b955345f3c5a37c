import {
  AssayError,
  MisbehaviourError,
  equalBytes,
  isAssayError,
  proveConsistency,
  tileHashReader,
  tilePath,
  toBase64,
  toHex,
  treeRoot,
  verifyConsistency,
  type Sha256,
} from "@assay/core";
import { openCheckpoint, type SignedCheckpoint } from "./bundle-opening.ts";
import type { LogClientEffects } from "./log-client-effects.ts";

/**
 * How a checkpoint relates to the newest one seen before: `first`: none was seen. `same`: equal.
 * `extends`: it was proven that the tree only grew; it is now the newest. `older`: it was proven that it is a
 * prefix of the newest, which stays: somebody shows an old state. `not-compared`: offline, and of another size.
 */
export type Consistency = "first" | "same" | "extends" | "older" | "not-compared";

type ConsistencyEffects = Pick<LogClientEffects, "fetchTile" | "readCheckpoint" | "swapCheckpoint">;

const maxAttempts = 16;

/**
 * Holds a signed checkpoint against the newest one that was verified for its key, and keeps the newer
 * (the client algorithm of Go's checksum database: of two trees the smaller must be a prefix of the larger).
 *
 * The stored value is replaced by compare-and-swap, so that processes that run at once never step back; a
 * crash leaves either value, and both were verified.
 *
 * Throws MisbehaviourError with both notes and the proof when the log signed two trees that exclude each
 * other; BAD_FORMAT when the tiles that would prove it are wrong; LOG_UNAVAILABLE when they are missing.
 */
export async function holdAgainstState(
  deps: { readonly sha256: Sha256; readonly effects: ConsistencyEffects },
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
    const newest = await openStored(signed, stored);
    const known = newest.checkpoint.size;
    const shown = signed.checkpoint.size;
    if (known === shown) {
      if (!equalBytes(newest.checkpoint.root, signed.checkpoint.root)) throw fork(newest, signed);
      return "same";
    }
    if (options.offline) return "not-compared";
    if (shown < known) {
      await provePrefix(deps, signed, newest);
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

async function openStored(signed: SignedCheckpoint, stored: string): Promise<SignedCheckpoint> {
  try {
    return await openCheckpoint(signed.log, stored);
  } catch (error) {
    throw new AssayError(
      "BAD_FORMAT",
      {
        what: `The stored checkpoint of ${signed.log.origin}`,
        reason: "its signature is not good any more; find out who changed it before you remove it",
      },
      { cause: error },
    );
  }
}

/** Proves from tiles that `older` is a prefix of `newer`. The tiles are believed only as far as they lead to the newer root. */
async function provePrefix(
  deps: { readonly sha256: Sha256; readonly effects: ConsistencyEffects },
  older: SignedCheckpoint,
  newer: SignedCheckpoint,
): Promise<void> {
  const { sha256, effects } = deps;
  const oldSize = older.checkpoint.size;
  const newSize = newer.checkpoint.size;
  // Every tree extends the empty one, and the checkpoint parser has fixed the empty root.
  if (oldSize === 0) return;
  const reader = tileHashReader(sha256, newSize, (tile) => effects.fetchTile(newer.log, tilePath(tile)));
  const proof = await readTiles(newer, () => proveConsistency(sha256, oldSize, newSize, reader));
  const newRoot = newer.checkpoint.root;
  const leadsFrom = (oldRoot: Uint8Array): boolean =>
    verifyConsistency(sha256, { oldSize, oldRoot, newSize, newRoot, proof });
  if (leadsFrom(older.checkpoint.root)) return;

  // Either the tiles are wrong (then they lead to no signed root), or they are right and the log signed a
  // tree whose first entries are not the ones it had signed before: only that is proof against the log.
  const impliedRoot = await readTiles(newer, () => treeRoot(sha256, oldSize, reader));
  if (!leadsFrom(impliedRoot))
    throw new AssayError("BAD_FORMAT", {
      what: `The tiles of ${newer.log.origin}`,
      reason: "they do not lead to the root that the log signed, so they prove nothing",
    });
  throw fork(older, newer, { proof, impliedRoot });
}

async function readTiles<T>(signed: SignedCheckpoint, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isAssayError(error, "NOT_FOUND")) throw error;
    const reason = `${error.details.what} is missing, so it cannot be proven that the log only grew`;
    const url = signed.log.url ?? signed.log.origin;
    throw new AssayError("LOG_UNAVAILABLE", { url, reason }, { cause: error });
  }
}

function fork(
  older: SignedCheckpoint,
  newer: SignedCheckpoint,
  detail?: { readonly proof: readonly Uint8Array[]; readonly impliedRoot: Uint8Array },
): MisbehaviourError {
  return new MisbehaviourError(
    `The log ${newer.log.origin} signed two histories that exclude each other (sizes ${older.checkpoint.size} and ${newer.checkpoint.size}). Trust neither; keep this evidence and tell its operator and its other users.`,
    {
      vkey: newer.log.vkey,
      older: older.note,
      newer: newer.note,
      ...(detail === undefined
        ? {}
        : {
            proof: detail.proof.map((hash) => `${toBase64(hash)}\n`).join(""),
            rootOfTheFirstEntriesInNewer: toHex(detail.impliedRoot),
          }),
    },
  );
}
