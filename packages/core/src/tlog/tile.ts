import { AssayError } from "../errors.ts";

/** Hashes in a full tile, entries in a full bundle. */
export const tileWidth = 256;
/** Longest entry a bundle can hold, in bytes. */
export const maxEntryBytes = 65_535;

/** Names one tile of hashes, or one bundle of entries. Spec: docs/formats/tiles.md, c2sp.org/tlog-tiles. */
export interface TileCoordinates {
  readonly kind: "hash" | "entries";
  /** 0 to 63; always 0 for entries. Hash i of tile n at level l covers the 256^l leaves from (n·256 + i)·256^l. */
  readonly level: number;
  /** From 0. */
  readonly index: number;
  /** 1 to 256; a tile of 256 is full and never changes. */
  readonly width: number;
}

/** The path under a log's URL, without a leading slash: `tile/0/x001/x234/067.p/8`, `tile/entries/000`. */
export function tilePath(tile: TileCoordinates): string {
  checkTile(tile);
  const head = tile.kind === "entries" ? "entries" : String(tile.level);
  const digits = String(tile.index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0");
  const groups = padded.match(/.{3}/g) ?? [];
  const path = groups.map((group, i) => (i === groups.length - 1 ? group : `x${group}`)).join("/");
  return `tile/${head}/${path}${tile.width === tileWidth ? "" : `.p/${tile.width}`}`;
}

/** Reads a path that `tilePath` can write; undefined for any other spelling. */
export function parseTilePath(path: string): TileCoordinates | undefined {
  const match = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(path);
  if (match === null) return undefined;
  const [, head = "", groups = "", width] = match;
  const tile: TileCoordinates = {
    kind: head === "entries" ? "entries" : "hash",
    level: head === "entries" ? 0 : Number(head),
    index: Number(groups.replaceAll(/[x/]/g, "")),
    width: width === undefined ? tileWidth : Number(width),
  };
  // Writing it again refuses what the pattern lets through: x000 heads, width 256 spelled out, level 64.
  return isTile(tile) && tilePath(tile) === path ? tile : undefined;
}

/** How many hashes level `level` holds in a tree of this size: floor(size / 256^level). */
export function levelSize(size: number, level: number): number {
  let count = size;
  for (let l = 0; l < level && count > 0; l++) count = Math.floor(count / tileWidth);
  return count;
}

/** Every tile of a tree of this size, full and partial, lowest level first. */
export function tilesAt(size: number, kind: TileCoordinates["kind"] = "hash"): Iterable<TileCoordinates> {
  return newTiles(0, size, kind);
}

/**
 * The tiles of a tree of `newSize` that a tree of `oldSize` does not have, lowest level first: what a log writes
 * when it grows. A partial tile appears once, at its new width.
 */
export function* newTiles(
  oldSize: number,
  newSize: number,
  kind: TileCoordinates["kind"] = "hash",
): Generator<TileCoordinates, void, undefined> {
  for (let level = 0; ; level++) {
    const oldCount = levelSize(oldSize, level);
    const newCount = levelSize(newSize, level);
    if (newCount === 0 || (kind === "entries" && level > 0)) return;
    if (newCount === oldCount) continue;
    const full = Math.floor(newCount / tileWidth);
    for (let index = Math.floor(oldCount / tileWidth); index < full; index++) {
      yield { kind, level, index, width: tileWidth };
    }
    const width = newCount % tileWidth;
    if (width > 0) yield { kind, level, index: full, width };
  }
}

/** The tile that holds hash (or entry) `position` of a level in a tree of this size; partial at the right edge. */
export function tileAt(size: number, kind: TileCoordinates["kind"], level: number, position: number): TileCoordinates {
  const index = Math.floor(position / tileWidth);
  const width = Math.min(tileWidth, levelSize(size, level) - index * tileWidth);
  const tile = { kind, level, index, width };
  checkTile(tile);
  return tile;
}

/**
 * An entry bundle: each of 1 to 256 entries as its length in two bytes, big-endian, and its bytes.
 * Throws BAD_FORMAT on an entry over 65,535 bytes or another count.
 */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (entries.length === 0 || entries.length > tileWidth) {
    throw malformed("An entry bundle", "1 to 256 entries are expected");
  }
  let length = 0;
  for (const entry of entries) {
    if (entry.length > maxEntryBytes) {
      throw malformed("An entry", `it is larger than ${maxEntryBytes} bytes`);
    }
    length += 2 + entry.length;
  }
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const entry of entries) {
    view.setUint16(offset, entry.length);
    bytes.set(entry, offset + 2);
    offset += 2 + entry.length;
  }
  return bytes;
}

/** Reads an entry bundle to its last byte. Inverse of `encodeEntries`. Throws BAD_FORMAT. */
export function decodeEntries(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 2 > bytes.length) throw malformed("An entry bundle", "a length is cut off");
    const end = offset + 2 + view.getUint16(offset);
    if (end > bytes.length) throw malformed("An entry bundle", "an entry is cut off");
    entries.push(bytes.slice(offset + 2, end));
    offset = end;
  }
  if (entries.length === 0 || entries.length > tileWidth) {
    throw malformed("An entry bundle", "1 to 256 entries are expected");
  }
  return entries;
}

function isTile(tile: TileCoordinates): boolean {
  return (
    Number.isSafeInteger(tile.index) &&
    tile.index >= 0 &&
    Number.isInteger(tile.level) &&
    tile.level >= 0 &&
    tile.level <= 63 &&
    (tile.kind === "hash" || tile.level === 0) &&
    Number.isInteger(tile.width) &&
    tile.width >= 1 &&
    tile.width <= tileWidth
  );
}

function checkTile(tile: TileCoordinates): void {
  if (!isTile(tile)) throw malformed("A tile", "its level, index or width is out of range");
}

function malformed(what: string, reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what, reason });
}
