import { AssayError } from "@assay/core";

/** Everything in a tar archive is a multiple of this. */
export const blockBytes = 512;

/** Sizes from here on do not fit into eleven octal digits. */
export const maxMemberBytes: number = 8 * 1024 ** 3;

export interface MemberHeader {
  readonly path: string;
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly mtimeSeconds: number;
}

const maxPathBytes = 100;

/** The one header that a member may have: docs/formats/export.md. Throws BAD_FORMAT on a path or size beyond it. */
export function tarHeader({ path, sizeBytes, mtimeSeconds }: MemberHeader): Uint8Array {
  if (!/^[\x21-\x7e]{1,100}$/.test(path)) throw malformed("a path that is no name of a member");
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes >= maxMemberBytes)
    throw malformed(`${path} would have ${sizeBytes} bytes`);
  const block = Buffer.alloc(blockBytes);
  const put = (at: number, text: string): void => void block.write(text, at, "latin1");
  put(0, path);
  put(maxPathBytes, "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${octal(sizeBytes, 11)}\0${octal(mtimeSeconds, 11)}\0`);
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\0");
  put(263, "00");
  put(329, "0000000\0");
  put(337, "0000000\0");
  put(148, `${octal(sum(block), 6)}\0 `);
  return block;
}

/** Reads a header; undefined for a block of zeros. Throws BAD_FORMAT when it is not exactly what `tarHeader` writes. */
export function readTarHeader(block: Uint8Array): MemberHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const text = Buffer.from(block).toString("latin1");
  const path = text.slice(0, maxPathBytes).replace(/\0+$/, "");
  const header = { path, sizeBytes: readOctal(text.slice(124, 135)), mtimeSeconds: readOctal(text.slice(136, 147)) };
  if (!/^[\x21-\x7e]+$/.test(path) || Buffer.compare(tarHeader(header), block) !== 0)
    throw malformed(`the header of ${JSON.stringify(path.slice(0, 60))} is not one that an export has`);
  return header;
}

function readOctal(text: string): number {
  if (!/^[0-7]{11}$/.test(text)) throw malformed("a header without a size or time in octal digits");
  return Number.parseInt(text, 8);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function sum(block: Uint8Array): number {
  return block.reduce((total, byte) => total + byte, 0);
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The export", reason });
}
