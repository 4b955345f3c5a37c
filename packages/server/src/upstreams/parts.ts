import { open, type FileHandle } from "node:fs/promises";
import { closeSync, openSync, readSync, fstatSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { EpochMs, Integrity, PackageName, Version } from "@assay/core";
import {
  quoteInside,
  signaturesTailBytes,
  signatureText,
  tarballTailBytes,
  type CutText,
  type Filling,
} from "./cut.ts";
import type { Ingested } from "./ingest.ts";
import type { ListedVersion, Packument, PartSpan } from "./upstreams.ts";

/**
 * A parts file holds one upstream document taken apart, so that a finished document is put together by copying
 * bytes and no reader parses the whole again. It is a cache: the raw document rebuilds it.
 *
 *   full texts of all versions, then abbreviated texts of all versions (cut.ts), then the untouched members' texts,
 *   then the index (JSON, `PartsIndex`), then 32 bytes:
 *   "ASSAYPT2", u64 start of the index, u64 length of the index, u32 CRC of what is before it, u32 CRC of the index.
 *   (big-endian; CRC-32 as in gzip). All positions are bytes from the start of the file.
 *
 * It is written without fsync and renamed into place; what a power cut leaves behind is noticed by the CRCs.
 */
export interface PartsIndex {
  readonly name: PackageName;
  readonly source: string;
  /** sha256 hex of the raw upstream document. */
  readonly digest: string;
  readonly modifiedMs: EpochMs;
  readonly createdMs: EpochMs | null;
  readonly tags: Readonly<Record<string, Version>>;
  readonly versions: readonly IndexedVersion[];
  /** Lists of keyids that occur; a version has the place of its own. */
  readonly keyids: readonly (readonly string[])[];
  readonly members: readonly { readonly name: string; readonly start: number; readonly end: number }[];
}

/**
 * version, published (epoch ms), sha512, sha1, manifest digest, tarball URL, place of its keyids, then of the full and
 * of the abbreviated text: start, end, bytes from the attestation hole to the end (0: none).
 */
type IndexedVersion = readonly [
  version: Version,
  publishedMs: EpochMs | null,
  integrity: Integrity | null,
  shasum: string | null,
  manifest: string | null,
  tarball: string,
  keyidsAt: number,
  fullStart: number,
  fullEnd: number,
  fullAttestationsTail: number,
  abbreviatedStart: number,
  abbreviatedEnd: number,
  abbreviatedAttestationsTail: number,
];

const magic = "ASSAYPT2";
const trailerBytes = 32;

/** A file that is no parts file, or a damaged one: rebuild it. */
export class DamagedParts extends Error {
  constructor(path: string) {
    super(`the parts file ${path} is damaged`);
    this.name = "DamagedParts";
  }
}

/** True for what reading a parts file throws when it is gone or damaged: `Upstreams.reload` makes it again. */
export function isLostParts(error: unknown): boolean {
  return error instanceof DamagedParts || (error instanceof Error && "code" in error && error.code === "ENOENT");
}

/** The bytes of a parts file, in pieces, and its index. Pure. */
export function encodeParts(
  document: Ingested,
  about: Pick<PartsIndex, "name" | "source" | "digest">,
): { readonly pieces: Uint8Array[]; readonly index: Uint8Array } {
  const pieces: Uint8Array[] = [];
  let at = 0;
  const add = (text: string): number => {
    const piece = Buffer.from(text);
    pieces.push(piece);
    at += piece.byteLength;
    return at - piece.byteLength;
  };
  const place = (cut: CutText): readonly [number, number, number] => {
    const start = add(cut.text);
    const { text, attestationsAt } = cut;
    return [start, at, attestationsAt === undefined ? 0 : Buffer.byteLength(text.slice(attestationsAt))];
  };
  const full = document.versions.map((version) => place(version.full));
  const abbreviated = document.versions.map((version) => place(version.abbreviated));
  const members = document.members.map(({ name, text }) => ({ name, start: add(text), end: at }));
  const keyids = createPlaces();
  const versions = document.versions.map((version, position) => {
    const { publishedMs, integrity, shasum, manifest, tarball } = version;
    return [
      version.version,
      publishedMs ?? null,
      integrity ?? null,
      shasum ?? null,
      manifest ?? null,
      tarball,
      keyids.placeOf(version.keyids),
      ...(full[position] ?? []),
      ...(abbreviated[position] ?? []),
    ];
  });
  const { modifiedMs, createdMs, tags } = document;
  const index = Buffer.from(
    JSON.stringify({
      ...about,
      modifiedMs,
      createdMs: createdMs ?? null,
      tags,
      versions,
      keyids: keyids.lists,
      members,
    }),
  );
  const trailer = Buffer.alloc(trailerBytes);
  trailer.write(magic, "latin1");
  trailer.writeBigUInt64BE(BigInt(at), 8);
  trailer.writeBigUInt64BE(BigInt(index.byteLength), 16);
  trailer.writeUInt32BE(
    pieces.reduce((crc, piece) => crc32(piece, crc), 0),
    24,
  );
  trailer.writeUInt32BE(crc32(index), 28);
  pieces.push(index, trailer);
  return { pieces, index };
}

/** Lists by place, each once. */
function createPlaces() {
  const lists: (readonly string[])[] = [];
  const places = new Map<string, number>();
  return {
    lists,
    placeOf(list: readonly string[]): number {
      const key = JSON.stringify(list);
      const known = places.get(key);
      if (known !== undefined) return known;
      places.set(key, lists.length);
      return lists.push(list) - 1;
    },
  };
}

/** The index as `encodeParts` returned it. */
export function parseIndex(bytes: Uint8Array): PartsIndex {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as PartsIndex;
}

/** Reads and checks a whole parts file, a piece at a time. Throws DamagedParts; ENOENT when there is none. */
export async function loadIndex(path: string): Promise<PartsIndex> {
  await using file = await open(path);
  const { size } = await file.stat();
  const trailer = size < trailerBytes ? undefined : readTrailer(await readSpan(file, size - trailerBytes, size), size);
  if (trailer === undefined) throw new DamagedParts(path);
  const index = await readSpan(file, trailer.start, trailer.end);
  let crc = 0;
  for (let at = 0; at < trailer.start; at += 1024 * 1024) {
    crc = crc32(await readSpan(file, at, Math.min(trailer.start, at + 1024 * 1024)), crc);
  }
  if (crc !== trailer.bodyCrc || crc32(index) !== trailer.indexCrc) throw new DamagedParts(path);
  return parseIndex(index);
}

/** Reads the index without checking the rest, which `loadIndex` did when the file was first used. Throws DamagedParts, ENOENT. */
export function withPartsSync<Result>(
  path: string,
  work: (index: PartsIndex, read: (start: number, end: number) => Buffer) => Result,
): Result {
  const file = openSync(path, "r");
  try {
    const read = (start: number, end: number): Buffer => {
      const bytes = Buffer.allocUnsafe(end - start);
      if (readSync(file, bytes, 0, bytes.byteLength, start) !== bytes.byteLength) throw new DamagedParts(path);
      return bytes;
    };
    const { size } = fstatSync(file);
    const trailer = size < trailerBytes ? undefined : readTrailer(read(size - trailerBytes, size), size);
    if (trailer === undefined) throw new DamagedParts(path);
    return work(parseIndex(read(trailer.start, trailer.end)), read);
  } finally {
    closeSync(file);
  }
}

/** The listing of a parts file. */
export function toPackument(
  index: PartsIndex,
  state: Pick<Packument, "checkedAtMs" | "stale" | "partsPath">,
): Packument {
  const versions = new Map<Version, ListedVersion>();
  for (const [version, publishedMs, integrity, shasum, manifest, tarball, keyidsAt, ...spans] of index.versions) {
    const keyids = index.keyids[keyidsAt] ?? [];
    versions.set(version, {
      version,
      publishedMs: publishedMs ?? undefined,
      integrity: integrity ?? undefined,
      shasum: shasum ?? undefined,
      manifest: manifest ?? undefined,
      tarball,
      keyids,
      full: toSpan(spans[0], spans[1], spans[2], keyids.length > 0),
      abbreviated: toSpan(spans[3], spans[4], spans[5], keyids.length > 0),
    });
  }
  const { name, source, digest, modifiedMs, tags } = index;
  return { name, source, digest, modifiedMs, tags, versions, ...state };
}

/** Where a text lies, from what the index holds. */
export function toSpan(start: number, end: number, attestationsTail: number, isSigned: boolean): PartSpan {
  return {
    start,
    attestationsAt: attestationsTail === 0 ? undefined : end - attestationsTail,
    signaturesAt: end - signaturesTailBytes(isSigned),
    tarballAt: end - tarballTailBytes,
    end,
  };
}

/**
 * The JSON text of one listed version, its holes filled. Throws ENOENT when the document was replaced long ago: ask
 * for the packument again.
 */
export async function readPart(
  packument: Packument,
  listed: ListedVersion,
  form: "full" | "abbreviated",
  { base, tarballUrl, signature }: Filling,
): Promise<string> {
  const span = listed[form];
  await using file = await open(packument.partsPath);
  const bytes = await readSpan(file, span.start, span.end);
  const cut = span.attestationsAt ?? span.start;
  const text = (start: number, end: number): string => bytes.toString("utf8", start - span.start, end - span.start);
  const head = `${text(span.start, cut)}${span.attestationsAt === undefined ? "" : quoteInside(base)}`;
  const middle = `${text(cut, span.signaturesAt)}${signatureText(signature, listed.keyids.length > 0)}`;
  return `${head}${middle}${text(span.signaturesAt, span.tarballAt)}${quoteInside(tarballUrl)}${text(span.tarballAt, span.end)}`;
}

/** The JSON text of one listed version as stored: no tarball URL, attestations as a path. Throws as `readPart`. */
export function readListed(packument: Packument, listed: ListedVersion, form: "full" | "abbreviated"): Promise<string> {
  return readPart(packument, listed, form, { base: "", tarballUrl: "" });
}

async function readSpan(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(end - start);
  const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, start);
  return bytesRead === bytes.byteLength ? bytes : bytes.subarray(0, bytesRead);
}

function readTrailer(bytes: Buffer, size: number) {
  const start = Number(bytes.readBigUInt64BE(8));
  const end = start + Number(bytes.readBigUInt64BE(16));
  if (bytes.toString("latin1", 0, 8) !== magic || end !== size - trailerBytes) return undefined;
  return { start, end, bodyCrc: bytes.readUInt32BE(24), indexCrc: bytes.readUInt32BE(28) };
}
