import { open, type FileHandle } from "node:fs/promises";
import { closeSync, openSync, readSync, fstatSync } from "node:fs";
import { crc32 } from "node:zlib";
import { tarballFileName, type EpochMs, type Integrity, type PackageName, type Version } from "@assay/core";
import { quoteInside, tarballTailBytes, type CutText } from "./cut.ts";
import type { Ingested } from "./ingest.ts";
import type { ListedVersion, Packument, PartSpan } from "./upstreams.ts";

/**
 * A parts file holds one upstream document taken apart, so that a finished document is put together by copying
 * bytes and no reader parses the whole again. It is a cache: the raw document rebuilds it.
 *
 *   full texts of all versions, then abbreviated texts of all versions (cut.ts), then the untouched members' texts,
 *   then the index (JSON, `PartsIndex`), then 32 bytes:
 *   "ASSAYPT1", u64 start of the index, u64 length of the index, u32 CRC of what is before it, u32 CRC of the index.
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
  readonly members: readonly { readonly name: string; readonly start: number; readonly end: number }[];
}

/**
 * version, published (epoch ms), sha512, sha1, manifest digest, tarball URL, then of the full and of the abbreviated
 * text: start, end, bytes from the attestation hole to the end (0: none).
 */
type IndexedVersion = readonly [
  version: Version,
  publishedMs: EpochMs | null,
  integrity: Integrity | null,
  shasum: string | null,
  manifest: string | null,
  tarball: string,
  fullStart: number,
  fullEnd: number,
  fullAttestationsTail: number,
  abbreviatedStart: number,
  abbreviatedEnd: number,
  abbreviatedAttestationsTail: number,
];

const magic = "ASSAYPT1";
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
    return [start, at, cut.attestationsAt === undefined ? 0 : cut.text.length - cut.attestationsAt];
  };
  const full = document.versions.map((version) => place(version.full));
  const abbreviated = document.versions.map((version) => place(version.abbreviated));
  const members = document.members.map(({ name, text }) => ({ name, start: add(text), end: at }));
  const versions = document.versions.map((version, position) => {
    const { publishedMs, integrity, shasum, manifest, tarball } = version;
    return [
      version.version,
      publishedMs ?? null,
      integrity ?? null,
      shasum ?? null,
      manifest ?? null,
      tarball,
      ...(full[position] ?? []),
      ...(abbreviated[position] ?? []),
    ];
  });
  const { modifiedMs, createdMs, tags } = document;
  const index = Buffer.from(
    JSON.stringify({ ...about, modifiedMs, createdMs: createdMs ?? null, tags, versions, members }),
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
  for (const [version, publishedMs, integrity, shasum, manifest, tarball, ...spans] of index.versions) {
    versions.set(version, {
      version,
      publishedMs: publishedMs ?? undefined,
      integrity: integrity ?? undefined,
      shasum: shasum ?? undefined,
      manifest: manifest ?? undefined,
      tarball,
      full: toSpan(spans[0], spans[1], spans[2]),
      abbreviated: toSpan(spans[3], spans[4], spans[5]),
    });
  }
  const { name, source, digest, modifiedMs, tags } = index;
  return { name, source, digest, modifiedMs, tags, versions, ...state };
}

/** Where a text lies, from what the index holds. */
export function toSpan(start: number, end: number, attestationsTail: number): PartSpan {
  return {
    start,
    attestationsAt: attestationsTail === 0 ? undefined : end - attestationsTail,
    tarballAt: end - tarballTailBytes,
    end,
  };
}

/**
 * The JSON text of one listed version with this tarball URL. Attestation URLs are put under the same base when the
 * URL is the canonical `<base>/<name>/-/<file>.tgz`, else they stay paths. Throws ENOENT when the document was
 * replaced long ago: ask for the packument again.
 */
export async function readPart(
  packument: Packument,
  listed: ListedVersion,
  form: "full" | "abbreviated",
  tarballUrl: string,
): Promise<string> {
  const span = listed[form];
  const suffix = `/${packument.name}/-/${tarballFileName(packument.name, listed.version)}`;
  const base = tarballUrl.endsWith(suffix) ? tarballUrl.slice(0, -suffix.length) : "";
  await using file = await open(packument.partsPath);
  const bytes = await readSpan(file, span.start, span.end);
  const cut = span.attestationsAt ?? span.tarballAt;
  const text = (start: number, end: number): string => bytes.toString("utf8", start - span.start, end - span.start);
  const attestationsBase = span.attestationsAt === undefined ? "" : quoteInside(base);
  return `${text(span.start, cut)}${attestationsBase}${text(cut, span.tarballAt)}${quoteInside(tarballUrl)}${text(span.tarballAt, span.end)}`;
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
