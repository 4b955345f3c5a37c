import { hash } from "node:crypto";
import { AssayError, encodeUtf8, hashLength, leafHash, nodeHash, tileWidth } from "@assay/core";
import type { Sha256 } from "@assay/core";

/** SHA-256 for tree code: synchronous, 1 µs for a node. */
export const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

/** A tile with the hashes of its inner nodes: row r holds the nodes of 2^r hashes, one after the other. */
export interface TileRows {
  readonly rows: readonly Uint8Array[];
}

/** Bytes of a full tile with its inner nodes, and of what keeps them. */
export const tileRowsBytes = 2 * tileWidth * hashLength + 512;

/** The leaf hash of a record's UTF-8. */
export function recordHash(record: string): Uint8Array {
  return leafHash(sha256, encodeUtf8(record));
}

/** The inner nodes of a tile, full or partial: one row for each level within it. */
export function expandTile(bytes: Uint8Array): TileRows {
  const rows = [bytes];
  for (let row = bytes; row.length >= 2 * hashLength;) {
    const pairs = Math.floor(row.length / (2 * hashLength));
    const above = new Uint8Array(pairs * hashLength);
    for (let pair = 0; pair < pairs; pair += 1) {
      const at = pair * 2 * hashLength;
      const left = row.subarray(at, at + hashLength);
      const right = row.subarray(at + hashLength, at + 2 * hashLength);
      above.set(nodeHash(sha256, left, right), pair * hashLength);
    }
    rows.push(above);
    row = above;
  }
  return { rows };
}

/** One node: `row` levels above the hashes of the tile. Throws BAD_FORMAT when the tile does not hold it. */
export function nodeOf(tile: TileRows, row: number, position: number): Uint8Array {
  const bytes = tile.rows[row]?.subarray(position * hashLength, (position + 1) * hashLength);
  if (bytes?.length !== hashLength)
    throw new AssayError("BAD_FORMAT", { what: "A node", reason: "it is not in the tree" });
  return bytes;
}
