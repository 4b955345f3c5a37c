import {
  AssayError,
  decodeEntries,
  decodeUtf8,
  equalBytes,
  hashLength,
  isAssayError,
  leafHash,
  logIndex,
  parseRecord,
  tileAt,
  tilePath,
  tileWidth,
  toBase64,
  type Edge,
  type HashReader,
  type LogIndex,
  type LogRecord,
  type TileCoordinates,
} from "@assay/core";
import { refused } from "./evidence.ts";
import type { SignedCheckpoint } from "./signed-checkpoint.ts";
import { createTileChain, fetchTile, type TileChain, type TileDeps } from "./tile-chain.ts";

/** An entry of a log that leads to a signed root. */
export interface ProvenRecord {
  readonly index: LogIndex;
  /** The entry as text; its UTF-8 is what the leaf hash covers. */
  readonly text: string;
  readonly record: LogRecord;
}

/** A signed tree and what is in it. Everything that it answers leads to the signed root. */
export interface ProvenTree {
  readonly signed: SignedCheckpoint;

  /** Hashes of complete subtrees: for `proveInclusion`, `proveMany`, `proveConsistency` of core. */
  readonly hashes: HashReader;

  /** A hash tile of this tree; see `TileChain.read`. */
  readTile(tile: TileCoordinates): Promise<Uint8Array>;

  /** Reads and keeps the partial tiles of every level, all at once. Throws as `readTile`. */
  readEdge(): Promise<Edge>;

  /** The entries `256 · bundle` and following of this tree, at most 256. Throws as `readTile`. */
  readEntries(bundle: number): Promise<readonly Uint8Array[]>;

  /** The hash of leaf `index`. Throws as `readTile`. */
  leafHash(index: number): Promise<Uint8Array>;

  /** One record. Throws NOT_FOUND outside the tree, BAD_FORMAT when the entry is no record, else as `readTile`. */
  readRecord(index: number): Promise<ProvenRecord>;

  /**
   * The records [from, to) in order; a few bundles (1 MiB each at most) are read ahead, no more.
   * Throws as `readRecord`.
   */
  readRecords(from: number, to: number): AsyncGenerator<ProvenRecord, void, undefined>;
}

const bundlesAhead = 4;

/** Reads a signed tree through its tiles. Whether it extends older ones is for `mergeCheckpoint` to say. */
export function createProvenTree(deps: TileDeps, signed: SignedCheckpoint): ProvenTree {
  const chain = createTileChain(deps, signed);
  const { size } = signed.checkpoint;

  async function leafHashOf(index: number): Promise<Uint8Array> {
    checkInside(index);
    const leaves = await chain.read(tileAt(size, "hash", 0, index));
    const at = (index % tileWidth) * hashLength;
    return leaves.slice(at, at + hashLength);
  }

  function checkInside(index: number): void {
    if (Number.isSafeInteger(index) && index >= 0 && index < size) return;
    throw new AssayError("NOT_FOUND", { what: `Entry ${index} in a tree of ${size}` });
  }

  async function readEntries(bundle: number): Promise<readonly Uint8Array[]> {
    checkInside(bundle * tileWidth);
    return await readBundle(deps, signed, chain, bundle);
  }

  return {
    signed,
    hashes: chain.hashes,
    readTile: chain.read,
    readEdge: chain.readEdge,
    readEntries,
    leafHash: leafHashOf,

    async readRecord(index) {
      checkInside(index);
      const entries = await readEntries(Math.floor(index / tileWidth));
      return recordOf(index, entries[index % tileWidth]);
    },

    async *readRecords(from, to) {
      if (from >= to) return;
      checkInside(from);
      checkInside(to - 1);
      const last = Math.floor((to - 1) / tileWidth);
      const ahead: Promise<readonly Uint8Array[]>[] = [];
      let next = Math.floor(from / tileWidth);
      for (let bundle = next; bundle <= last; bundle++) {
        while (next <= last && ahead.length < bundlesAhead) {
          const reading = readEntries(next++);
          // Awaited in its turn below; a failure before that is not unhandled.
          reading.catch(() => {});
          ahead.push(reading);
        }
        const entries = (await ahead.shift()) ?? [];
        const start = bundle * tileWidth;
        for (let index = Math.max(from, start); index < Math.min(to, start + entries.length); index++) {
          yield recordOf(index, entries[index - start]);
        }
      }
    },
  };
}

function recordOf(index: number, entry: Uint8Array | undefined): ProvenRecord {
  const text = decodeUtf8(entry ?? new Uint8Array(0));
  return { index: logIndex(index), text, record: parseRecord(text) };
}

/** An entry bundle, each entry held against its leaf hash; kept only then. */
async function readBundle(
  deps: TileDeps,
  signed: SignedCheckpoint,
  chain: TileChain,
  bundle: number,
): Promise<readonly Uint8Array[]> {
  const { sha256, effects } = deps;
  const { log, note, checkpoint } = signed;
  const tile = tileAt(checkpoint.size, "entries", 0, bundle * tileWidth);
  const leafTile = tileAt(checkpoint.size, "hash", 0, bundle * tileWidth);
  const leaves = await chain.read(leafTile);
  const kept = await effects.readTile(log.vkey, tilePath(tile));
  if (kept !== undefined) {
    const opened = openEntries(kept, tile.width);
    if (typeof opened !== "string" && wrongEntry(opened) === undefined) return opened;
  }
  const served = await fetchTile(effects, signed, tile);
  const entries = openEntries(served.bytes, tile.width);
  if (typeof entries === "string") throw await refuse(`the bundle ${tilePath(served.tile)} ${entries}`);
  const wrong = wrongEntry(entries);
  if (wrong !== undefined)
    throw await refuse(`entry ${bundle * tileWidth + wrong} is not the one that its tree holds at that place`);
  if (served.tile.width === tile.width) await effects.writeTile(log.vkey, tilePath(tile), served.bytes);
  return entries;

  function wrongEntry(opened: readonly Uint8Array[]): number | undefined {
    const at = opened.findIndex(
      (entry, i) => !equalBytes(leafHash(sha256, entry), leaves.subarray(i * hashLength, (i + 1) * hashLength)),
    );
    return at === -1 ? undefined : at;
  }

  async function refuse(reason: string): Promise<AssayError> {
    const path = tilePath(served.tile);
    const tiles = `${await chain.chainOf(leafTile)}${path} ${toBase64(served.bytes)}\n`;
    return refused("wrong-tile", log, reason, { checkpoint: note, path, tiles });
  }
}

/** The first `width` entries of a bundle, or what is wrong with it, completing "the bundle …". */
function openEntries(bytes: Uint8Array, width: number): readonly Uint8Array[] | string {
  try {
    const entries = decodeEntries(bytes);
    if (entries.length < width) return `has ${entries.length} entries, not ${width}`;
    return entries.slice(0, width);
  } catch (error) {
    if (!isAssayError(error, "BAD_FORMAT")) throw error;
    return `is malformed: ${error.details.reason}`;
  }
}
