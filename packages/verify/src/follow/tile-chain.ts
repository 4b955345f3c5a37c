import {
  AssayError,
  edgeRoot,
  equalBytes,
  foldComplete,
  hashLength,
  levelSize,
  tileAt,
  tileHashReader,
  tilePath,
  tileWidth,
  type Edge,
  type HashReader,
  type Sha256,
  type TileCoordinates,
} from "@assay/core";
import type { TileSource } from "./effects.ts";
import { refused, tileLines } from "./evidence.ts";
import type { SignedCheckpoint } from "./signed-checkpoint.ts";

/** What reading tiles needs. */
export interface TileDeps {
  readonly sha256: Sha256;
  readonly effects: TileSource;
  readonly memory: TileMemory;
}

/** Full tiles of one log by path, each of which led to a root that its key signed. Held against the root again at each use. */
export type TileMemory = Map<string, Uint8Array>;

/** Full tiles kept in memory: 4 MiB. */
const maxRemembered = 512;

/** The hash tiles of one signed tree, each authenticated before it is used or kept. */
export interface TileChain {
  /**
   * A hash tile of this tree, at its width in this tree.
   *
   * Throws LOG_REFUSED (`wrong-tile`, with the tiles that show it) when what is served does not lead to the signed
   * root, LOG_UNAVAILABLE when it is not served.
   */
  read(tile: TileCoordinates): Promise<Uint8Array>;

  /** Reads and keeps the partial tiles of every level, all at once. Throws as `read`. */
  readEdge(): Promise<Edge>;

  /** Hashes of complete subtrees, out of authenticated tiles. */
  readonly hashes: HashReader;

  /** This tile and those that authenticate it, from the edge down, as lines of a `tiles` member of evidence. */
  chainOf(tile: TileCoordinates): Promise<string>;
}

/**
 * Reads tiles from the root down (docs/formats/evidence.md, "Reading a tile"; the algorithm of Go's
 * `tlog.TileHashReader`): the partial tiles must fold to the signed root, and each full tile to its hash in the tile
 * above. A tile from the cache is held to the same; one that fails there is fetched anew.
 */
export function createTileChain(deps: TileDeps, signed: SignedCheckpoint): TileChain {
  const { sha256, effects, memory } = deps;
  const { log, note } = signed;
  const { size, root } = signed.checkpoint;
  let edge: Promise<Edge> | undefined;
  const reading = new Map<string, Promise<Uint8Array>>();
  // Apart from `memory`: what leads to this root. Tiles of a fork may be in `memory`, and fail here.
  const proven: TileMemory = new Map();

  /** Every partial tile of the tree; together they are the hashes that its root is folded from. */
  async function loadEdge(): Promise<Edge> {
    const tiles = partialTiles(size);
    const cached = await Promise.all(tiles.map((tile) => readKept(tile)));
    const kept = cached.every((bytes) => bytes !== undefined) ? edgeOf(size, tiles, cached) : undefined;
    if (kept !== undefined && equalBytes(edgeRoot(sha256, kept), root)) return kept;
    const fetched = await Promise.all(tiles.map((tile) => fetchWhole(tile)));
    const fresh = edgeOf(size, tiles, fetched);
    if (!equalBytes(edgeRoot(sha256, fresh), root)) {
      const [tile] = tiles;
      throw wrongTile(tile, "the tiles at its right edge do not fold to the signed root", edgeTiles(tiles, fetched));
    }
    await Promise.all(tiles.map((tile, i) => effects.writeTile(log.vkey, tilePath(tile), fetched[i] ?? none)));
    return fresh;
  }

  /** Tiles are served or kept at their width; a partial one may also be the head of the full one. */
  async function readKept(tile: TileCoordinates): Promise<Uint8Array | undefined> {
    const exact = await effects.readTile(log.vkey, tilePath(tile));
    if (exact?.length === tile.width * hashLength) return exact;
    if (tile.width === tileWidth) return undefined;
    const path = tilePath({ ...tile, width: tileWidth });
    const full = memory.get(path) ?? (await effects.readTile(log.vkey, path));
    return full?.length === tileWidth * hashLength ? full.slice(0, tile.width * hashLength) : undefined;
  }

  async function fetchWhole(tile: TileCoordinates): Promise<Uint8Array> {
    const { tile: served, bytes } = await fetchTile(deps.effects, signed, tile);
    if (bytes.length !== served.width * hashLength) {
      const reason = `the tile ${tilePath(served)} has ${bytes.length} bytes, not ${served.width * hashLength}`;
      throw wrongTile(served, reason, [{ tile: served, bytes }]);
    }
    return bytes.slice(0, tile.width * hashLength);
  }

  async function loadFull(tile: TileCoordinates): Promise<Uint8Array> {
    const path = tilePath(tile);
    const expected = await hashAbove(tile);
    const folds = (bytes: Uint8Array): boolean => equalBytes(foldComplete(sha256, bytes), expected);
    const kept = memory.get(path) ?? (await readKept(tile));
    if (kept !== undefined && folds(kept)) return kept;
    const bytes = await fetchWhole(tile);
    if (!folds(bytes)) {
      const tiles = [...(await chainAbove(tile)), { tile, bytes }];
      throw wrongTile(tile, `the tile ${path} does not lead to the signed root`, tiles);
    }
    await effects.writeTile(log.vkey, path, bytes);
    return bytes;
  }

  async function hashAbove(tile: TileCoordinates): Promise<Uint8Array> {
    const above = await read(tileAbove(size, tile));
    const at = (tile.index % tileWidth) * hashLength;
    return above.subarray(at, at + hashLength);
  }

  async function chainAbove(tile: TileCoordinates): Promise<Tile[]> {
    if (tile.width === tileWidth) {
      const above = tileAbove(size, tile);
      const chain = await chainAbove(above);
      return above.width === tileWidth ? [...chain, { tile: above, bytes: await read(above) }] : chain;
    }
    return await Promise.all(partialTiles(size).map(async (part) => ({ tile: part, bytes: await read(part) })));
  }

  async function readEdge(): Promise<Edge> {
    edge ??= loadEdge().catch((error: unknown) => {
      edge = undefined;
      throw error;
    });
    return await edge;
  }

  async function read(tile: TileCoordinates): Promise<Uint8Array> {
    if (tile.width < tileWidth) return (await readEdge()).levels[tile.level] ?? none;
    const path = tilePath(tile);
    const known = proven.get(path);
    if (known !== undefined) return known;
    let bytes = reading.get(path);
    if (bytes === undefined) {
      bytes = loadFull(tile)
        .then((loaded) => remember(proven, path, remember(memory, path, loaded)))
        .finally(() => reading.delete(path));
      reading.set(path, bytes);
    }
    return await bytes;
  }

  function wrongTile(tile: TileCoordinates | undefined, reason: string, tiles: readonly Tile[]): AssayError {
    const path = tile === undefined ? "" : tilePath(tile);
    return refused("wrong-tile", log, reason, { checkpoint: note, path, tiles: tileLines(tiles) });
  }

  return {
    read,
    readEdge,
    hashes: tileHashReader(sha256, size, read),
    async chainOf(tile) {
      const own = { tile, bytes: await read(tile) };
      return tileLines([...(await chainAbove(tile)), ...(tile.width === tileWidth ? [own] : [])]);
    },
  };
}

/**
 * A tile as it is served: at its width, or full where the partial one is gone.
 * Throws LOG_UNAVAILABLE when neither is served.
 */
export async function fetchTile(
  effects: Pick<TileSource, "fetchTile">,
  { log }: SignedCheckpoint,
  tile: TileCoordinates,
): Promise<Tile> {
  const exact = await effects.fetchTile(log, tilePath(tile));
  if (exact !== undefined) return { tile, bytes: exact };
  const full = { ...tile, width: tileWidth };
  const whole = tile.width < tileWidth ? await effects.fetchTile(log, tilePath(full)) : undefined;
  if (whole !== undefined) return { tile: full, bytes: whole };
  const reason = `it does not serve ${tilePath(tile)}, so nothing can be proven from it`;
  throw new AssayError("LOG_UNAVAILABLE", { url: log.url ?? log.origin, reason });
}

interface Tile {
  readonly tile: TileCoordinates;
  readonly bytes: Uint8Array;
}

const none = new Uint8Array(0);

/** The partial hash tiles of a tree of this size, lowest level first. */
function partialTiles(size: number): TileCoordinates[] {
  const tiles: TileCoordinates[] = [];
  for (let level = 0; levelSize(size, level) > 0; level++) {
    const count = levelSize(size, level);
    const width = count % tileWidth;
    if (width > 0) tiles.push({ kind: "hash", level, index: Math.floor(count / tileWidth), width });
  }
  return tiles;
}

function edgeOf(size: number, tiles: readonly TileCoordinates[], bytes: readonly (Uint8Array | undefined)[]): Edge {
  const levels: Uint8Array[] = [];
  for (const [i, { level }] of tiles.entries()) {
    while (levels.length < level) levels.push(none);
    levels.push(bytes[i] ?? none);
  }
  return { size, levels };
}

function edgeTiles(tiles: readonly TileCoordinates[], bytes: readonly Uint8Array[]): Tile[] {
  return tiles.map((tile, i) => ({ tile, bytes: bytes[i] ?? none }));
}

function tileAbove(size: number, tile: TileCoordinates): TileCoordinates {
  return tileAt(size, "hash", tile.level + 1, tile.index);
}

/** The most recently used stay: a map keeps the order of insertion. */
function remember(memory: TileMemory, path: string, bytes: Uint8Array): Uint8Array {
  memory.delete(path);
  memory.set(path, bytes);
  for (const oldest of memory.keys()) {
    if (memory.size <= maxRemembered) break;
    memory.delete(oldest);
  }
  return bytes;
}
