import { AssayError, isAssayError } from "../errors.ts";
import type { Sha256 } from "../hash.ts";
import { hashLength } from "./hash.ts";
import { foldComplete, type HashReader, type NodeCoordinates } from "./subtree.ts";
import { tileAt, tilePath, tileWidth, type TileCoordinates } from "./tile.ts";

/** Levels of the tree in one tile. */
const levelsPerTile = 8;

/**
 * Reads subtree hashes from the tiles of a tree of this size; each tile is fetched once per call, all at a time.
 *
 * `fetchTile` answers the tile's bytes; a tile that is gone is `undefined` or a NOT_FOUND, and then a partial tile
 * is taken from the full one, since a log may delete partial tiles. Throws BAD_FORMAT on a node outside the tree and
 * on a tile of another length. Tiles are not authenticated here: check what is computed from them against a root.
 */
export function tileHashReader(
  sha256: Sha256,
  size: number,
  fetchTile: (tile: TileCoordinates) => Promise<Uint8Array | undefined>,
): HashReader {
  return async (nodes) => {
    const places = nodes.map((node) => placeOf(size, node));
    const fetches = new Map<string, Promise<Uint8Array>>();
    for (const { path, tile } of places) {
      if (!fetches.has(path)) fetches.set(path, readTile(tile, fetchTile));
    }
    const tiles = new Map<string, Uint8Array>();
    await Promise.all([...fetches].map(async ([path, fetching]) => tiles.set(path, await fetching)));
    return places.map(({ path, start, count }) => {
      const bytes = tiles.get(path) ?? new Uint8Array(0);
      return foldComplete(sha256, bytes.subarray(start * hashLength, (start + count) * hashLength));
    });
  };
}

interface Place {
  readonly tile: TileCoordinates;
  readonly path: string;
  /** First hash within the tile, and how many the node covers. */
  readonly start: number;
  readonly count: number;
}

function placeOf(size: number, node: NodeCoordinates): Place {
  const count = 2 ** (node.level % levelsPerTile);
  const first = node.index * count;
  const tile = tileAt(size, "hash", Math.floor(node.level / levelsPerTile), first);
  const start = first % tileWidth;
  if (start + count > tile.width) {
    throw new AssayError("BAD_FORMAT", {
      what: "A node",
      reason: "it is not a complete subtree of a tree of this size",
    });
  }
  return { tile, path: tilePath(tile), start, count };
}

async function readTile(
  tile: TileCoordinates,
  fetchTile: (tile: TileCoordinates) => Promise<Uint8Array | undefined>,
): Promise<Uint8Array> {
  const exact = await fetchOrUndefined(tile, fetchTile);
  if (exact !== undefined) return withLength(exact, tile.width);
  const full = { ...tile, width: tileWidth };
  if (tile.width < tileWidth) {
    const bytes = await fetchOrUndefined(full, fetchTile);
    if (bytes !== undefined) return withLength(bytes, tileWidth);
  }
  throw new AssayError("NOT_FOUND", { what: `The tile ${tilePath(tile)}` });
}

async function fetchOrUndefined(
  tile: TileCoordinates,
  fetchTile: (tile: TileCoordinates) => Promise<Uint8Array | undefined>,
): Promise<Uint8Array | undefined> {
  try {
    return await fetchTile(tile);
  } catch (error) {
    if (isAssayError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

function withLength(bytes: Uint8Array, width: number): Uint8Array {
  if (bytes.length !== width * hashLength) {
    throw new AssayError("BAD_FORMAT", {
      what: "A tile",
      reason: `it has ${bytes.length} bytes, not ${width * hashLength}`,
    });
  }
  return bytes;
}
