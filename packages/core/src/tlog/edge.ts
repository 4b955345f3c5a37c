import { concatBytes } from "../bytes.ts";
import { AssayError } from "../errors.ts";
import type { Sha256 } from "../hash.ts";
import { emptyRoot, hashLength } from "./hash.ts";
import { foldComplete, foldSubtrees } from "./subtree.ts";
import { levelSize, tileWidth } from "./tile.ts";

/**
 * The right edge of a tree: all that is needed to append to it and to compute its root. A value, never changed.
 * At most 255 hashes a level: 8,160 bytes for each factor of 256 in size.
 */
export interface Edge {
  /** Number of leaves. */
  readonly size: number;
  /** For each level from 0 that has hashes: those of its not yet full tile, one after the other; may be empty. */
  readonly levels: readonly Uint8Array[];
}

/** A tile that an append completed. */
export interface FullTile {
  readonly level: number;
  readonly index: number;
  /** 8,192 bytes. */
  readonly bytes: Uint8Array;
}

/** The edge of a tree without leaves. */
export function emptyEdge(): Edge {
  return { size: 0, levels: [] };
}

/** Number of leaves. */
export function edgeSize(edge: Edge): number {
  return edge.size;
}

/**
 * Appends leaf hashes (32 bytes each): the new edge, and the tiles that became full, in the order in which they
 * did, so each tile comes after those it is computed from. Throws BAD_FORMAT on a hash of another length and above
 * 2^53 - 1 leaves.
 */
export function appendLeaves(
  sha256: Sha256,
  edge: Edge,
  leafHashes: readonly Uint8Array[],
): { readonly edge: Edge; readonly fullTiles: readonly FullTile[] } {
  const size = edge.size + leafHashes.length;
  if (!Number.isSafeInteger(size)) throw malformed("it would hold 2^53 or more leaves");
  const open = edge.levels.map(openTile);
  const fullTiles: FullTile[] = [];
  let leaves = edge.size;
  for (const leaf of leafHashes) {
    if (leaf.length !== hashLength) throw malformed("a leaf hash is not 32 bytes");
    leaves += 1;
    let hash = leaf;
    let hashesOfLevel = leaves;
    for (let level = 0; ; level++) {
      const tile = (open[level] ??= openTile(new Uint8Array(0)));
      tile.bytes.set(hash, tile.width * hashLength);
      tile.width += 1;
      if (tile.width < tileWidth) break;
      const bytes = tile.bytes.slice();
      hashesOfLevel = Math.floor(hashesOfLevel / tileWidth);
      fullTiles.push({ level, index: hashesOfLevel - 1, bytes });
      tile.width = 0;
      hash = foldComplete(sha256, bytes);
    }
  }
  const levels = open.map((tile) => tile.bytes.slice(0, tile.width * hashLength));
  return { edge: { size, levels }, fullTiles };
}

/** Root hash of the tree. Source: RFC 6962 §2.1. */
export function edgeRoot(sha256: Sha256, edge: Edge): Uint8Array {
  if (edge.size === 0) return emptyRoot(sha256);
  const subtrees: Uint8Array[] = [];
  // Left to right through the tree is from the highest level down.
  for (const hashes of edge.levels.toReversed()) {
    let at = 0;
    for (let count = 128; count >= 1; count /= 2) {
      const end = at + count * hashLength;
      if (end > hashes.length) continue;
      subtrees.push(foldComplete(sha256, hashes.subarray(at, end)));
      at = end;
    }
  }
  return foldSubtrees(sha256, subtrees);
}

/** The bytes of the partial tile at the right of a level; empty where the last tile is full or there is none. */
export function partialTile(edge: Edge, level: number): Uint8Array {
  return edge.levels[level] ?? new Uint8Array(0);
}

/** An edge as bytes: the size as 8 bytes, big-endian, then the hashes of each level from 0. */
export function encodeEdge(edge: Edge): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(edge.size));
  return concatBytes(head, ...edge.levels);
}

/** Inverse of `encodeEdge`. Throws BAD_FORMAT when size and length disagree. */
export function decodeEdge(bytes: Uint8Array): Edge {
  if (bytes.length < 8) throw malformed("it is cut off");
  const size = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0));
  if (!Number.isSafeInteger(size)) throw malformed("its size is 2^53 or more");
  const levels: Uint8Array[] = [];
  let at = 8;
  for (let level = 0; levelSize(size, level) > 0; level++) {
    const end = at + (levelSize(size, level) % tileWidth) * hashLength;
    levels.push(bytes.slice(at, end));
    at = end;
  }
  if (at !== bytes.length) throw malformed("its length does not belong to its size");
  return { size, levels };
}

function openTile(hashes: Uint8Array): { width: number; readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(tileWidth * hashLength);
  bytes.set(hashes);
  return { width: hashes.length / hashLength, bytes };
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The edge of a tree", reason });
}
