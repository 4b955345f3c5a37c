import { AssayError, appendLeaves, edgeRoot, tileWidth } from "@assay/core";
import type { FullTile, TileCoordinates } from "@assay/core";
import { leafHashesBetween } from "../store.ts";
import type { Shard } from "../store-shards.ts";
import { sha256 } from "../tile-rows.ts";
import type { Tiles } from "../tiles.ts";
import type { NextTree, SequenceDependencies, SequencerHead } from "./steps.ts";

/** Tiles written at a time: enough to hide the wait for the disk. */
const parallelWrites = 16;

/**
 * Step 2: appends the assigned rows to the tree and makes every tile and bundle that became full durable as a blob.
 * Partial ones are rendered from the edge and the rows when somebody asks.
 *
 * A crash leaves some blobs of a tree that is not signed yet. The next one who does this step makes the same bytes
 * of the same rows, so the store answers "present"; other bytes under the path would be a fork and throw.
 */
export async function storeTiles(deps: SequenceDependencies, shard: Shard, head: SequencerHead): Promise<NextTree> {
  const { database, tiles } = deps;
  const hashes = await leafHashesBetween(database.read, shard.id, head.size, head.assignedSize);
  if (head.size + hashes.length !== head.assignedSize)
    throw new AssayError("DATABASE", {
      reason: `${shard.id} has ${head.size + hashes.length} of ${head.assignedSize} assigned entries`,
    });
  const { edge, fullTiles } = appendLeaves(sha256, head.edge, hashes);
  const writes = fullTiles.flatMap((tile) => writesOf(tiles, shard.id, tile));
  for (let start = 0; start < writes.length; start += parallelWrites)
    await Promise.all(writes.slice(start, start + parallelWrites).map((write) => write()));
  return { size: edge.size, root: edgeRoot(sha256, edge), edge };
}

function writesOf(tiles: Tiles, shard: string, tile: FullTile): (() => Promise<void>)[] {
  const { level, index } = tile;
  const hashes: TileCoordinates = { kind: "hash", level, index, width: tileWidth };
  const putHashes = () => tiles.put(shard, hashes, tile.bytes);
  if (level > 0) return [putHashes];
  const entries: TileCoordinates = { ...hashes, kind: "entries" };
  return [putHashes, async () => tiles.put(shard, entries, await tiles.renderBundle(shard, index))];
}
