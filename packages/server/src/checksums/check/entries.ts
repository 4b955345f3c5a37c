import {
  appendLeaves,
  edgeRoot,
  emptyEdge,
  encodeEntries,
  encodeUtf8,
  equalBytes,
  tilePath,
  tileWidth,
} from "@assay/core";
import type { FullTile, TileCoordinates } from "@assay/core";
import type { BlobStore } from "../../platform/blobs/blobs.ts";
import type { Database } from "../../platform/database/database.ts";
import { entriesBetween } from "../store.ts";
import type { EntryRow } from "../store.ts";
import { recordHash, sha256 } from "../tile-rows.ts";
import { tileKey } from "../tiles.ts";
import type { Report } from "./report.ts";

/** Rows read at a time; a multiple of the width of a tile. */
const pageSize = 16 * tileWidth;

/** The entries of a shard to look at: [from, size), `from` at the start of a tile. */
export interface EntryRange {
  readonly shard: string;
  readonly from: number;
  readonly size: number;
}

/** The rows, in order, a page at a time. Ends early, with a finding, where rows are missing. */
export async function* pagesOf(
  { database }: { readonly database: Database },
  { shard, from, size }: EntryRange,
  report: Report,
): AsyncGenerator<readonly EntryRow[], void, undefined> {
  for (let start = from; start < size; start += pageSize) {
    const end = Math.min(size, start + pageSize);
    const rows = await entriesBetween(database.read, shard, start, end);
    const gap = rows.findIndex((row, i) => row.idx !== start + i);
    if (rows.length !== end - start || gap !== -1) {
      const first = gap === -1 ? start + rows.length : start + gap;
      report.error(`entry ${first} is missing; entries from ${start} to ${end - 1} are not complete`);
      return;
    }
    yield rows;
  }
}

/**
 * Follows the tree over pages of rows: each leaf hash is that of its record, each full tile and bundle is stored as
 * the rows have it, and the root is the signed one (only when `from` is 0).
 */
export function createTreeCheck(
  { blobs }: { readonly blobs: BlobStore },
  { shard, from, size }: EntryRange,
  report: Report,
): { follow(rows: readonly EntryRow[]): Promise<void>; end(root: Uint8Array): void } {
  let edge = emptyEdge();

  async function checkTile(tile: TileCoordinates, expected: Uint8Array): Promise<void> {
    const stored = await blobs.read(tileKey(shard, tile));
    if (stored === undefined) report.warn(`${tilePath(tile)} is missing; it is made again at the next start`);
    else if (!equalBytes(stored, expected))
      report.error(`${tilePath(tile)} is damaged; remove its blob and start again`);
  }

  async function checkFullTile({ level, index, bytes }: FullTile, rows: readonly EntryRow[]): Promise<void> {
    // Of a part of the tree only the lowest tiles are those of the whole tree.
    if (level > 0 && from > 0) return;
    const shifted = index + (level === 0 ? from / tileWidth : 0);
    await checkTile({ kind: "hash", level, index: shifted, width: tileWidth }, bytes);
    if (level > 0) return;
    const first = shifted * tileWidth - (rows[0]?.idx ?? 0);
    const records = rows.slice(first, first + tileWidth).map((row) => encodeUtf8(row.record));
    await checkTile({ kind: "entries", level: 0, index: shifted, width: tileWidth }, encodeEntries(records));
  }

  return {
    async follow(rows) {
      for (const row of rows)
        if (!equalBytes(recordHash(row.record), row.leafHash))
          report.error(`entry ${row.idx} does not have the leaf hash that was signed`);
      const hashes = rows.map((row) => row.leafHash);
      const appended = appendLeaves(sha256, edge, hashes);
      edge = appended.edge;
      for (const tile of appended.fullTiles) await checkFullTile(tile, rows);
    },
    end(root) {
      if (from === 0 && edge.size === size && !equalBytes(edgeRoot(sha256, edge), root))
        report.error(`the entries do not have the root that was signed at size ${size}`);
    },
  };
}
