import { gzipSync } from "node:zlib";

/** Archives for tests, byte by byte: every field of a header can be wrong on purpose. */
export interface HeaderFields {
  readonly name?: string | Uint8Array;
  readonly mode?: string;
  readonly size?: string;
  readonly uid?: Uint8Array;
  readonly type?: string;
  readonly link?: string;
  readonly magic?: string;
  readonly prefix?: string | Uint8Array;
  readonly checksum?: string;
}

/** One 512-byte header with a right checksum unless one is given. */
export function tarHeader(fields: HeaderFields, contentBytes: number): Buffer {
  const block = Buffer.alloc(512);
  const put = (value: string | Uint8Array, at: number): void => {
    Buffer.from(value as string).copy(block, at);
  };
  put(fields.name ?? "", 0);
  put(fields.mode ?? "000644 \0", 100);
  put(fields.uid ?? "000000 \0", 108);
  put("000000 \0", 116);
  put(fields.size ?? `${contentBytes.toString(8).padStart(11, "0")} `, 124);
  put("03560116604 ", 136);
  put("        ", 148);
  put(fields.type ?? "0", 156);
  put(fields.link ?? "", 157);
  put(fields.magic ?? "ustar\x0000", 257);
  put(fields.prefix ?? "", 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(fields.checksum ?? `${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** A header, its contents, and the padding. */
export function tarEntry(fields: HeaderFields, content: string | Uint8Array = ""): Buffer {
  const bytes = Buffer.from(content as string);
  const padding = Buffer.alloc((512 - (bytes.length % 512)) % 512);
  return Buffer.concat([tarHeader(fields, bytes.length), bytes, padding]);
}

/** A file entry. */
export function tarFile(name: string, content: string | Uint8Array = "", fields: HeaderFields = {}): Buffer {
  return tarEntry({ name, ...fields }, content);
}

/** `<length> <key>=<value>LF` with the length that counts itself. */
export function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** A pax extended header with these records. */
export function paxHeader(records: readonly (readonly [string, string])[], type: "x" | "g" = "x"): Buffer {
  return tarEntry({ name: "PaxHeader/x", type }, Buffer.concat(records.map(([key, value]) => paxRecord(key, value))));
}

/** The two zero blocks. */
export const endBlocks: Buffer = Buffer.alloc(1024);

/** A valid `package/package.json` entry. */
export function manifestEntry(manifest: object = { name: "a", version: "1.0.0" }): Buffer {
  return tarFile("package/package.json", JSON.stringify(manifest));
}

/** Entries with end blocks, compressed. */
export function tgz(...parts: readonly Uint8Array[]): Buffer {
  return gzipSync(Buffer.concat([...parts, endBlocks]));
}
