import { gzipSync } from "node:zlib";

/**
 * One tar member, field by field: what a well-behaved writer would compute can be overridden, so that archives
 * can be made which no such writer makes.
 */
export interface RawEntry {
  /** Written into the 100-byte name field as it is (cut when longer; use `paxEntry` or `longNameEntry`). */
  readonly path: string | Uint8Array;
  /** Type flag: `0` file (default), `1` hard link, `2` symbolic link, `3` `4` devices, `5` folder, `6` FIFO, `x` `g` pax, `L` `K` GNU long name or link. */
  readonly type?: string;
  readonly content?: string | Uint8Array;
  readonly mode?: number;
  readonly linkTarget?: string;
  /** ustar prefix field. */
  readonly prefix?: string;
  /** Size to write into the header; default: the content's. */
  readonly declaredSize?: number;
  /** Checksum to write; default: the right one. */
  readonly checksum?: number;
  /** `ustar\0` + `00` by default; `gnu` for `ustar  \0`, `none` for a v7 header. */
  readonly format?: "ustar" | "gnu" | "none";
  readonly mtimeSeconds?: number;
}

/** The archive of the entries: headers, padded contents, `endBlocks` (default 2) zero blocks, `trailing` bytes. */
export function tar(
  entries: readonly RawEntry[],
  options: { readonly endBlocks?: number; readonly trailing?: Uint8Array } = {},
): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const entry of entries) {
    const content = bytesOf(entry.content ?? "");
    blocks.push(header(entry, content.byteLength), content, new Uint8Array((512 - (content.byteLength % 512)) % 512));
  }
  blocks.push(new Uint8Array(512 * (options.endBlocks ?? 2)), options.trailing ?? new Uint8Array());
  return Buffer.concat(blocks);
}

/** The gzipped archive of the entries. */
export function tgz(
  entries: readonly RawEntry[],
  options: { readonly endBlocks?: number; readonly trailing?: Uint8Array } = {},
): Uint8Array {
  return gzipSync(tar(entries, options));
}

/** A well-formed package archive: `package/package.json` and the files, by path below the root folder. */
export function packageTgz(manifest: object, files: Readonly<Record<string, string | Uint8Array>> = {}): Uint8Array {
  return tgz(packageEntries(manifest, files));
}

export function packageEntries(
  manifest: object,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): RawEntry[] {
  return [
    { path: "package/package.json", content: `${JSON.stringify(manifest, null, 2)}\n` },
    ...Object.entries(files).map(([path, content]) => ({ path: `package/${path}`, content })),
  ];
}

/** A pax header for the entry that follows (`x`) or for all that follow (`g`). Records are `length key=value\n`. */
export function paxEntry(records: Readonly<Record<string, string>>, type: "x" | "g" = "x"): RawEntry {
  const content = Object.entries(records)
    .map(([key, value]) => paxRecord(key, value))
    .join("");
  return { path: type === "x" ? "PaxHeaders/entry" : "pax_global_header", type, content };
}

/** A GNU long name (`L`) or long link (`K`) for the entry that follows. */
export function longNameEntry(path: string, type: "L" | "K" = "L"): RawEntry {
  return { path: "././@LongLink", type, content: `${path}\0`, format: "gnu" };
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  while (String(length).length + Buffer.byteLength(rest) !== length)
    length = String(length).length + Buffer.byteLength(rest);
  return `${length}${rest}`;
}

function header(entry: RawEntry, size: number): Uint8Array {
  const block = Buffer.alloc(512);
  const type = entry.type ?? "0";
  Buffer.from(bytesOf(entry.path)).copy(block, 0, 0, 100);
  octal(block, 100, 8, entry.mode ?? (type === "5" ? 0o755 : 0o644));
  octal(block, 108, 8, 0);
  octal(block, 116, 8, 0);
  octal(block, 124, 12, entry.declaredSize ?? size);
  octal(block, 136, 12, entry.mtimeSeconds ?? 499_162_500);
  block.write(type, 156, 1, "latin1");
  block.write(entry.linkTarget ?? "", 157, 100, "utf8");
  const format = entry.format ?? "ustar";
  if (format === "ustar") block.write("ustar\x0000", 257, 8, "latin1");
  if (format === "gnu") block.write("ustar  \0", 257, 8, "latin1");
  block.write(entry.prefix ?? "", 345, 155, "utf8");
  block.fill(" ", 148, 156);
  const sum = entry.checksum ?? block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return block;
}

function octal(block: Buffer, at: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, length, "latin1");
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? Buffer.from(text) : text;
}
