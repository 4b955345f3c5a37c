import { isUtf8 } from "node:buffer";
import { ArchiveRefused, printable } from "./report.ts";
import { decodeText } from "./paths.ts";

/** One parsed 512-byte header. Fields that no client uses for content (owner, times, device) are not read. */
export interface TarHeader {
  readonly type: "file" | "directory" | "pax" | "pax-global" | "gnu-long-name";
  /**
   * Name as the header alone has it, ustar prefix joined. Undefined when it is no UTF-8, as where a client has cut it
   * within a character because an extended header has the whole.
   */
  readonly path: string | undefined;
  /** The ustar prefix field; empty when it is not in use. */
  readonly prefix: string;
  readonly sizeBytes: number;
  /** Permission bits, 0 to 0o777. */
  readonly mode: number;
}

const zeroBlock = new Uint8Array(512);

/** True for a block of 512 zero bytes. */
export function isZeroBlock(block: Uint8Array): boolean {
  return Buffer.compare(block, zeroBlock) === 0;
}

/**
 * Parses a header block strictly: ustar, GNU and old headers, of the types that packages need.
 *
 * Throws ArchiveRefused for whatever parsers are known to read differently. Source: POSIX.1-2017 pax,
 * "ustar Interchange Format"; docs/formats/archive-rules.md.
 */
export function parseTarHeader(block: Uint8Array): TarHeader {
  checkChecksum(block);
  const kind = magicOf(block);
  const name = bytesField(block, 0, 100, "name");
  // Tars with access times (xstar) end the prefix at 130 bytes and a NUL, and put the times behind it.
  const prefix = kind === "ustar" ? decodeText(bytesField(block, 345, block[475] === 0 ? 131 : 155, "prefix")) : "";
  // Some parsers join the prefix field whatever the magic says.
  if (kind !== "ustar" && !isZero(block.subarray(345, 500))) {
    throw new ArchiveRefused("archive/bad-header", "a header that is not ustar uses the prefix field");
  }
  // npm skips an entry that is no link and has a link target, a line break behind a NUL included; others extract it.
  if (!isZero(block.subarray(157, 257))) {
    throw new ArchiveRefused("archive/link", "an entry has a link target");
  }
  // npm skips a header without a name but then reads its body as headers.
  if (name.length === 0) throw new ArchiveRefused("archive/bad-header", "an entry has no name");
  checkOtherNumbers(block, kind === "ustar");
  const text = isUtf8(name) ? decodeText(name) : undefined;
  const path = prefix === "" || text === undefined ? text : `${prefix}/${text}`;
  const type = entryType(block[156] ?? 0, path);
  const sizeBytes = numberField(block, 124, 12, "size", type === "directory");
  const mode = numberField(block, 100, 8, "mode", type !== "file");
  return { type, path, prefix, sizeBytes, mode: checkMode(type, mode, path) };
}

function entryType(flag: number, path = "an entry"): TarHeader["type"] {
  switch (String.fromCharCode(flag)) {
    case "\0":
    case "0":
      // Some readers take a file whose name ends in a slash for a folder, some for a file.
      if (path.endsWith("/")) {
        throw new ArchiveRefused("archive/bad-header", `the file ${printable(path)} ends in a slash`);
      }
      return "file";
    case "5":
      return "directory";
    case "x":
      return "pax";
    case "g":
      return "pax-global";
    case "L":
      return "gnu-long-name";
    case "1":
    case "2":
    case "K":
      throw new ArchiveRefused("archive/link", `${printable(path)} is a link`);
    case "3":
    case "4":
    case "6":
      throw new ArchiveRefused("archive/device", `${printable(path)} is a device or a pipe`);
    default:
      throw new ArchiveRefused("archive/unknown-type", `${printable(path)} has an unknown entry type`);
  }
}

function checkMode(type: TarHeader["type"], mode: number, path = "an entry"): number {
  if (type === "file" && (mode & 0o7000) !== 0) {
    throw new ArchiveRefused("archive/special-mode", `${printable(path)} has a set-user, set-group or sticky bit`);
  }
  return mode & 0o777;
}

function magicOf(block: Uint8Array): "ustar" | "gnu" | "old" {
  const magic = Buffer.from(block.subarray(257, 265)).toString("latin1");
  if (magic === "ustar\x0000") return "ustar";
  if (magic === "ustar  \0") return "gnu";
  // Half-right magics are ustar to some parsers and old to others; without a prefix that is the same.
  return "old";
}

function checkChecksum(block: Uint8Array): void {
  let sum = 8 * 0x20;
  for (let at = 0; at < 512; at++) {
    if (at < 148 || at >= 156) sum += block[at] ?? 0;
  }
  if (numberField(block, 148, 8, "checksum", false) !== sum) {
    throw new ArchiveRefused("archive/bad-checksum", "a header has a wrong checksum");
  }
}

/** Octal digits after optional spaces, ended by a NUL or a space or the field's end; then NULs and spaces only. */
function numberField(block: Uint8Array, start: number, length: number, name: string, mayBeEmpty: boolean): number {
  const text = Buffer.from(block.subarray(start, start + length)).toString("latin1");
  const digits = /^ *([0-7]*)[ \0]*$/.exec(text)?.[1];
  // Base-256 is refused on purpose: sizes that need it are far above every limit, and not every client reads it.
  if (digits === undefined || (digits === "" && !mayBeEmpty)) {
    throw new ArchiveRefused("archive/bad-header", `a header's ${name} is not an octal number`);
  }
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

/**
 * Owner, time and device fields change nothing that is extracted, but npm skips an entry whose number in
 * base 256 it cannot hold, and then reads the entry's contents as headers.
 */
function checkOtherNumbers(block: Uint8Array, isUstar: boolean): void {
  const fields: [start: number, length: number][] = [
    [108, 8],
    [116, 8],
    [136, 12],
  ];
  if (isUstar) fields.push([329, 8], [337, 8]);
  if (isUstar && block[475] === 0) fields.push([476, 12], [488, 12]);
  for (const [start, length] of fields) {
    const first = block[start] ?? 0;
    if (first < 0x80) continue;
    const filling = first === 0x80 ? 0 : 0xff;
    const high = block.subarray(start + 1, start + length - 6);
    if ((first !== 0x80 && first !== 0xff) || high.some((byte) => byte !== filling)) {
      throw new ArchiveRefused("archive/bad-header", "a header has a number that some clients cannot read");
    }
  }
}

/** A field up to its NUL. */
function bytesField(block: Uint8Array, start: number, length: number, name: string): Uint8Array {
  const field = block.subarray(start, start + length);
  const end = field.indexOf(0);
  if (end === -1) return field;
  // What follows the NUL is invisible to most parsers but not to all.
  if (!isZero(field.subarray(end))) {
    throw new ArchiveRefused("archive/bad-header", `a header's ${name} goes on after its end`);
  }
  return field.subarray(0, end);
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
