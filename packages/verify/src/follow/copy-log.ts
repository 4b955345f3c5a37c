import { encodeEntries, levelSize, tileAt, tilePath, tileWidth, type TileCoordinates } from "@assay/core";
import type { ProvenTree } from "./tree.ts";

/** Where a complete copy of a log is kept, under the paths of c2sp.org/tlog-tiles, so that it can be served as it is. */
export interface LogCopyStore {
  /** Whether a file was written. */
  has(path: string): Promise<boolean>;

  /** Writes a tile or bundle that was verified. Durable on return; a crash leaves the whole file or none. */
  write(path: string, bytes: Uint8Array): Promise<void>;

  /** Replaces the checkpoint that the copy shows. Durable and atomic as `write`. */
  publish(note: string): Promise<void>;

  /** Removes the partial tiles of a place that has a full one. */
  dropPartials(path: string): Promise<void>;
}

/** How far a copy is: entries of the tree that is copied. */
export interface CopyProgress {
  readonly done: number;
  readonly total: number;
}

/** Bundles that are read ahead while earlier ones are written. */
const bundlesAhead = 16;

/**
 * Brings a copy up to a proven tree: every tile and bundle is authenticated before it is written, in ascending order,
 * and the checkpoint comes last, so what the copy shows is always complete. A copy that was cut off goes on where it
 * stopped.
 *
 * Throws as `ProvenTree` does, and the signal's reason when it is aborted; what was written stays.
 */
export async function copyLog(
  deps: { readonly tree: ProvenTree; readonly store: LogCopyStore },
  options: { readonly signal: AbortSignal; readonly onProgress: (progress: CopyProgress) => void },
): Promise<void> {
  const { tree, store } = deps;
  const { size } = tree.signed.checkpoint;
  const fullBundles = Math.floor(size / tileWidth);
  const start = await firstMissing(store, fullBundles);
  const { signal, onProgress } = options;

  const reading: Promise<readonly Uint8Array[]>[] = [];
  let next = start;
  for (let bundle = start; bundle < fullBundles; bundle++) {
    signal.throwIfAborted();
    for (; next < fullBundles && reading.length < bundlesAhead; next++) reading.push(readAhead(tree, next));
    const entries = (await reading.shift()) ?? [];
    await copyTile(deps, { kind: "hash", level: 0, index: bundle, width: tileWidth });
    // The bundle after its tile: where there is a bundle, there is all of that place.
    const place: TileCoordinates = { kind: "entries", level: 0, index: bundle, width: tileWidth };
    await store.write(tilePath(place), encodeEntries(entries));
    onProgress({ done: (bundle + 1) * tileWidth, total: size });
  }
  for (let level = 1; levelSize(size, level) >= tileWidth; level++) {
    const full = Math.floor(levelSize(size, level) / tileWidth);
    for (let index = Math.floor(start / tileWidth ** level); index < full; index++)
      await copyTile(deps, { kind: "hash", level, index, width: tileWidth });
  }
  await copyEdge(deps, size);
  await store.publish(tree.signed.note);
  onProgress({ done: size, total: size });
  await dropPartials(store, start, size);
}

async function readAhead(tree: ProvenTree, bundle: number): Promise<readonly Uint8Array[]> {
  const reading = tree.readEntries(bundle);
  // Awaited in its turn; a failure before that is not unhandled.
  reading.catch(() => {});
  return await reading;
}

/** The first full bundle that is not there. They are written in ascending order, so halving finds it. */
async function firstMissing(store: LogCopyStore, count: number): Promise<number> {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const path = tilePath({ kind: "entries", level: 0, index: middle, width: tileWidth });
    if (await store.has(path)) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function copyTile({ tree, store }: Parameters<typeof copyLog>[0], tile: TileCoordinates): Promise<void> {
  const path = tilePath(tile);
  if (!(await store.has(path))) await store.write(path, await tree.readTile(tile));
}

/** The partial tiles and the partial bundle of this very size. */
async function copyEdge(deps: Parameters<typeof copyLog>[0], size: number): Promise<void> {
  for (let level = 0; levelSize(size, level) > 0; level++) {
    const count = levelSize(size, level);
    if (count % tileWidth > 0) await copyTile(deps, tileAt(size, "hash", level, count - 1));
  }
  if (size % tileWidth === 0) return;
  const place = tileAt(size, "entries", 0, size - 1);
  const entries = await deps.tree.readEntries(place.index);
  await deps.store.write(tilePath(place), encodeEntries(entries));
}

/** What has become full since: the partial ones of those places are of no use any more. */
async function dropPartials(store: LogCopyStore, start: number, size: number): Promise<void> {
  for (let level = 0; levelSize(size, level) >= tileWidth; level++) {
    const full = Math.floor(levelSize(size, level) / tileWidth);
    for (let index = Math.floor(start / tileWidth ** level); index < full; index++) {
      await store.dropPartials(tilePath({ kind: "hash", level, index, width: tileWidth }));
      if (level === 0) await store.dropPartials(tilePath({ kind: "entries", level, index, width: tileWidth }));
    }
  }
}
