import { ArchiveRefused, printable } from "./report.ts";
import { decodeText } from "./paths.ts";

/** The keys of a pax header that change what clients extract. */
export interface PaxFields {
  readonly path: string | undefined;
  readonly sizeBytes: number | undefined;
}

/**
 * Parses the body of a pax extended header (`x`): records `<length> <key>=<value>LF`, POSIX.1-2017 pax.
 *
 * Honours `path` and `size`; ignores keys that no client lets change names or bytes; throws
 * ArchiveRefused for malformed records and for keys that some clients honour (`linkpath`, `mode`,
 * `type`, sparse files).
 */
export function parsePax(body: Uint8Array): PaxFields {
  let path: string | undefined;
  let sizeBytes: number | undefined;
  for (const { key, value } of paxRecords(body)) {
    if (key === "path") {
      if (path !== undefined) throw bad("the path stands twice");
      if (value.length === 0) throw bad("the path is empty");
      path = decodeText(value);
    } else if (key === "size") {
      if (sizeBytes !== undefined) throw bad("the size stands twice");
      sizeBytes = parseSize(value);
    } else if (!isHarmless(key)) {
      throw new ArchiveRefused("archive/pax-key", `a pax header has the key ${printable(key)}`);
    }
  }
  return { path, sizeBytes };
}

/** Checks a global pax header (`g`), which may hold a comment only: clients disagree on all else. */
export function checkGlobalPax(body: Uint8Array): void {
  for (const { key } of paxRecords(body)) {
    if (key !== "comment") {
      throw new ArchiveRefused("archive/global-header", `a global pax header has the key ${printable(key)}`);
    }
  }
}

/** The long name in a GNU `L` entry: ended by NULs only. */
export function parseGnuLongName(body: Uint8Array): string {
  const end = body.indexOf(0);
  const name = end === -1 ? body : body.subarray(0, end);
  if (end !== -1 && body.subarray(end).some((byte) => byte !== 0)) {
    throw new ArchiveRefused("archive/bad-header", "a GNU long name goes on after its end");
  }
  if (name.length === 0) throw new ArchiveRefused("archive/bad-header", "a GNU long name is empty");
  return decodeText(name);
}

const harmlessKeys = new Set([
  "atime",
  "ctime",
  "mtime",
  "uid",
  "gid",
  "uname",
  "gname",
  "comment",
  "charset",
  "hdrcharset",
]);

/** Owner and time keys, and vendor keys (`VENDOR.key`) except those that describe other contents, names or types. */
function isHarmless(key: string): boolean {
  if (harmlessKeys.has(key)) return true;
  if (/^(GNU\.sparse|GNU\.volume|GNU\.dumpdir|SUN\.|SCHILY\.(realsize|filetype|size|path|linkpath|mode))/.test(key))
    return false;
  return /^[A-Z][A-Za-z]*\./.test(key);
}

function* paxRecords(body: Uint8Array): Generator<{ readonly key: string; readonly value: Uint8Array }> {
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    const digits = space === -1 ? "" : Buffer.from(body.subarray(at, Math.min(space, at + 9))).toString("latin1");
    if (!/^[1-9][0-9]{0,7}$/.test(digits) || at + digits.length !== space) throw bad("a record has no length");
    const end = at + Number(digits);
    if (end > body.length || body[end - 1] !== 0x0a) throw bad("a record's length is wrong");
    const record = body.subarray(space + 1, end - 1);
    const equals = record.indexOf(0x3d);
    if (equals < 1) throw bad("a record has no key");
    const value = record.subarray(equals + 1);
    const key = decodeText(record.subarray(0, equals));
    if ((record.includes(0x0a) || record.includes(0)) && !isHarmlessBinary(key, value)) {
      throw bad("a record holds a line break or NUL");
    }
    yield { key, value };
    at = end;
  }
}

/**
 * npm reads pax line by line and ends values at NUL, so a value with either can hide a record from one reader
 * or show it to another. Only extended attributes may hold them (tars made on macOS), and then no line inside
 * may start like a record.
 */
function isHarmlessBinary(key: string, value: Uint8Array): boolean {
  if (!/^(SCHILY|LIBARCHIVE)\.xattr\./.test(key) || /[\n\0]/.test(key)) return false;
  return !/\n[\s+-]*[0-9]/.test(Buffer.from(value).toString("latin1"));
}

function parseSize(value: Uint8Array): number {
  const text = Buffer.from(value).toString("latin1");
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) throw bad("the size is not a number");
  return Number(text);
}

function bad(reason: string): ArchiveRefused {
  return new ArchiveRefused("archive/bad-pax", `a pax header is malformed: ${reason}`);
}
