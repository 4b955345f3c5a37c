import { hash } from "node:crypto";
import {
  AssayError,
  appendLeaves,
  edgeRoot,
  encodeEntries,
  encodeUtf8,
  hashLength,
  levelSize,
  tilePath,
  tileWidth,
  treeRoot,
} from "@assay/core";
import type { Edge, HashReader, TileCoordinates } from "@assay/core";
import type { BlobKey, BlobStore } from "../platform/blobs/blobs.ts";
import { createByteCache } from "../platform/cache.ts";
import type { Database } from "../platform/database/database.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { entriesBetween, leafHashesBetween } from "./store.ts";
import { expandTile, nodeOf, sha256, tileRowsBytes } from "./tile-rows.ts";
import type { TileRows } from "./tile-rows.ts";

/** The signed part of a shard that a reader looks at. */
export interface TreeView {
  readonly shard: string;
  readonly size: number;
  readonly edge: Edge;
}

/** The full tiles and entry bundles of all shards, and the partial ones as they are rendered on demand. */
export interface Tiles {
  /** Stores a full tile or bundle. Durable on return; equal bytes may be stored again, other bytes throw BLOB_CONFLICT. */
  put(shard: string, tile: TileCoordinates, bytes: Uint8Array): Promise<void>;
  /** The full bundle of entries from the rows, whether it is stored or not. */
  renderBundle(shard: string, index: number): Promise<Uint8Array>;
  /** A tile or bundle of a width that the tree of this view had; undefined when it never had. */
  read(view: TreeView, tile: TileCoordinates): Promise<Uint8Array | undefined>;
  /** Whether a full tile is stored. */
  isStored(shard: string, tile: TileCoordinates): Promise<boolean>;
  /** Makes a full tile again from the rows, stores it, and answers its bytes. */
  rebuild(shard: string, tile: TileCoordinates): Promise<Uint8Array>;
  /** Hashes of the tree of this view, for proofs. */
  hashReader(view: TreeView): HashReader;
  /** The root of the tree that this shard had (or will have, of rows that are assigned) at `size`. */
  rootAt(view: TreeView, size: number): Promise<Uint8Array>;
}

/** The blob of a full tile is its URL path under the shard. */
export function tileKey(shard: string, tile: TileCoordinates): BlobKey {
  return `log/${shard}/${tilePath(tile)}` as BlobKey;
}

export function createTiles(
  deps: { readonly blobs: BlobStore; readonly database: Database; readonly telemetry: Telemetry },
  options: { readonly cacheBytes: number },
): Tiles {
  const { blobs, database, telemetry } = deps;
  const cache = createByteCache<TileRows>({
    maxBytes: options.cacheBytes,
    sizeOf: () => tileRowsBytes,
  });
  const reading = createSingleFlight<TileRows>();

  async function put(shard: string, tile: TileCoordinates, bytes: Uint8Array): Promise<void> {
    const digest = hash("sha256", bytes);
    await blobs.put(tileKey(shard, tile), bytes, { sizeBytes: bytes.length, sha256: digest });
  }

  async function readFull(shard: string, tile: TileCoordinates): Promise<Uint8Array> {
    const full = { ...tile, width: tileWidth };
    const stored = await blobs.read(tileKey(shard, full));
    if (stored !== undefined) return stored;
    telemetry.log.warn("a tile of the log is missing and is made again", {
      "log.shard": shard,
      "log.tile": tilePath(full),
    });
    return await rebuild(shard, full);
  }

  async function rebuild(shard: string, tile: TileCoordinates): Promise<Uint8Array> {
    const bytes = tile.kind === "entries" ? await renderBundle(shard, tile.index) : await renderHashes(shard, tile);
    await put(shard, tile, bytes);
    return bytes;
  }

  async function renderHashes(shard: string, tile: TileCoordinates): Promise<Uint8Array> {
    const bytes = new Uint8Array(tileWidth * hashLength);
    const first = tile.index * tileWidth;
    if (tile.level === 0) {
      const hashes = await leafHashesBetween(database.read, shard, first, first + tileWidth);
      requireCount(shard, first, hashes.length);
      hashes.forEach((leaf, i) => bytes.set(leaf, i * hashLength));
      return bytes;
    }
    for (let i = 0; i < tileWidth; i += 1) {
      const child = { ...tile, level: tile.level - 1, index: first + i };
      bytes.set(nodeOf(expandTile(await readFull(shard, child)), 8, 0), i * hashLength);
    }
    return bytes;
  }

  async function renderBundle(shard: string, index: number): Promise<Uint8Array> {
    const first = index * tileWidth;
    const rows = await entriesBetween(database.read, shard, first, first + tileWidth);
    requireCount(shard, first, rows.length);
    return encodeEntries(rows.map((row) => encodeUtf8(row.record)));
  }

  /** A full tile with its inner nodes, from the cache. */
  function rowsOfFull(shard: string, tile: TileCoordinates): TileRows | Promise<TileRows> {
    const key = tileKey(shard, tile);
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    return reading.run(key, async () => {
      const rows = expandTile(await readFull(shard, tile));
      cache.set(key, rows);
      return rows;
    });
  }

  const read: Tiles["read"] = async (view, tile) => {
    const available = levelSize(view.size, tile.level) - tile.index * tileWidth;
    if (tile.width > available) return undefined;
    if (tile.kind === "entries") {
      if (tile.width === tileWidth) return await readFull(view.shard, tile);
      const first = tile.index * tileWidth;
      const rows = await entriesBetween(database.read, view.shard, first, first + tile.width);
      return encodeEntries(rows.map((row) => encodeUtf8(row.record)));
    }
    const whole =
      available >= tileWidth
        ? (await rowsOfFull(view.shard, { ...tile, width: tileWidth })).rows[0]
        : view.edge.levels[tile.level];
    return whole?.subarray(0, tile.width * hashLength);
  };

  const hashReader = (view: TreeView): HashReader => {
    const edgeRows = new Map<number, TileRows>();
    return async (nodes) => {
      const places = nodes.map((node) => {
        const level = Math.floor(node.level / 8);
        const row = node.level % 8;
        const nodesPerTile = 2 ** (8 - row);
        const index = Math.floor(node.index / nodesPerTile);
        return { level, row, index, position: node.index % nodesPerTile };
      });
      const wanted = new Map<string, TileRows | Promise<TileRows>>();
      const keyed = places.map((place) => {
        const { level, index } = place;
        const key = `${level}/${index}`;
        if (wanted.has(key)) return { ...place, key };
        if (levelSize(view.size, level) >= (index + 1) * tileWidth) {
          wanted.set(key, rowsOfFull(view.shard, { kind: "hash", level, index, width: tileWidth }));
        } else {
          const rows = edgeRows.get(level) ?? expandTile(view.edge.levels[level] ?? new Uint8Array(0));
          edgeRows.set(level, rows);
          wanted.set(key, rows);
        }
        return { ...place, key };
      });
      const tiles = new Map<string, TileRows>();
      await Promise.all([...wanted].map(async ([key, tile]) => tiles.set(key, await tile)));
      return keyed.map(({ key, row, position }) => {
        const tile = tiles.get(key);
        if (tile === undefined) throw new AssayError("DATABASE", { reason: `no tile ${key}` });
        return nodeOf(tile, row, position);
      });
    };
  };

  const rootAt: Tiles["rootAt"] = async (view, size) => {
    if (size <= view.size) return await treeRoot(sha256, size, hashReader(view));
    const hashes = await leafHashesBetween(database.read, view.shard, view.size, size);
    if (hashes.length !== size - view.size)
      throw new AssayError("DATABASE", {
        reason: `${view.shard} has ${view.size + hashes.length} entries, not ${size}`,
      });
    return edgeRoot(sha256, appendLeaves(sha256, view.edge, hashes).edge);
  };

  return {
    put,
    renderBundle,
    read,
    rebuild,
    hashReader,
    rootAt,
    isStored: async (shard, tile) => (await blobs.stat(tileKey(shard, tile))) !== undefined,
  };
}

function requireCount(shard: string, first: number, count: number): void {
  if (count !== tileWidth)
    throw new AssayError("DATABASE", {
      reason: `the log ${shard} has only ${count} entries from ${first} on`,
    });
}
