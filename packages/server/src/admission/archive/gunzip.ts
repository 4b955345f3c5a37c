import { crc32, createInflateRaw } from "node:zlib";
import { ArchiveRefused } from "./report.ts";

/** What stood around the one gzip member. */
export interface GunzipOutcome {
  readonly packedBytes: number;
  readonly unpackedBytes: number;
  /** Zero bytes after the member's end. */
  readonly paddingBytes: number;
}

/**
 * Decompresses exactly one gzip member (RFC 1952) and hands its bytes to `onBytes`, in chunks of at most
 * 64 KiB that are only valid during the call.
 *
 * The framing is read here because `node:zlib` joins further members silently. Throws ArchiveRefused for
 * anything but one whole member with optional zero padding, for more than `maxBytes`, and passes on what
 * `onBytes` throws. Errors of the source are passed on as they are.
 */
export async function gunzipOneMember(
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onBytes: (bytes: Uint8Array) => void,
): Promise<GunzipOutcome> {
  const member = inflateMember(maxBytes, onBytes);
  const trailer = trailerReader();
  let header: Uint8Array | undefined = new Uint8Array(0);
  let packedBytes = 0;
  try {
    for await (const chunk of source) {
      packedBytes += chunk.length;
      let rest: Uint8Array = chunk;
      if (header !== undefined) {
        header = Buffer.concat([header, chunk]);
        const length = gzipHeaderLength(header);
        if (length === undefined && header.length > longestHeader) {
          throw new ArchiveRefused("archive/bad-gzip", "the gzip header is too long");
        }
        if (length === undefined) continue;
        rest = header.subarray(length);
        header = undefined;
      }
      if (!member.ended()) rest = await member.write(rest);
      if (member.ended()) trailer.push(rest);
    }
    if (!member.ended()) throw new ArchiveRefused("archive/truncated", "the gzip stream ends early");
    const { sum, unpackedBytes } = await member.finish();
    return { packedBytes, unpackedBytes, paddingBytes: trailer.finish(sum, unpackedBytes) };
  } finally {
    member.destroy();
  }
}

const longestHeader = 64 * 1024;

/** Length of the gzip header, or undefined while more bytes are needed. Throws ArchiveRefused when it is none. */
function gzipHeaderLength(bytes: Uint8Array): number | undefined {
  const start = [0x1f, 0x8b, 0x08];
  if (start.some((byte, at) => at < bytes.length && bytes[at] !== byte)) {
    throw new ArchiveRefused("archive/not-gzip", "the file is not gzip");
  }
  const flags = bytes[3];
  if (flags === undefined || bytes.length < 10) return undefined;
  if ((flags & 0xe0) !== 0) throw new ArchiveRefused("archive/bad-gzip", "the gzip header has unknown flags");
  let at = 10;
  if ((flags & 0x04) !== 0) {
    const low = bytes[at];
    const high = bytes[at + 1];
    if (low === undefined || high === undefined) return undefined;
    at += 2 + low + high * 256;
  }
  for (const flag of [0x08, 0x10]) {
    if ((flags & flag) === 0) continue;
    const end = bytes.indexOf(0, at);
    if (end === -1) return undefined;
    at = end + 1;
  }
  if ((flags & 0x02) !== 0) {
    const low = bytes[at];
    const high = bytes[at + 1];
    if (low === undefined || high === undefined) return undefined;
    if ((crc32(bytes.subarray(0, at)) & 0xffff) !== low + high * 256) {
      throw new ArchiveRefused("archive/bad-gzip", "the gzip header's checksum is wrong");
    }
    at += 2;
  }
  return at <= bytes.length ? at : undefined;
}

function inflateMember(maxBytes: number, onBytes: (bytes: Uint8Array) => void) {
  const inflate = createInflateRaw({ chunkSize: 64 * 1024 });
  let failure: Error | undefined;
  let ended = false;
  let sum = 0;
  let unpackedBytes = 0;
  const fail = (error: unknown): void => {
    failure ??= error instanceof Error ? error : new Error("reading failed", { cause: error });
    inflate.destroy();
  };
  const closed = new Promise<void>((resolve) => inflate.once("close", resolve));
  const drained = new Promise<void>((resolve) => inflate.once("end", resolve));
  inflate.on("error", () => {
    failure ??= new ArchiveRefused("archive/bad-gzip", "the compressed data is damaged");
  });
  inflate.on("data", (bytes: Buffer) => {
    if (failure !== undefined) return;
    unpackedBytes += bytes.length;
    sum = crc32(bytes, sum);
    if (unpackedBytes > maxBytes) {
      fail(new ArchiveRefused("archive/too-large", `the archive unpacks to more than ${maxBytes} bytes`));
      return;
    }
    try {
      onBytes(bytes);
    } catch (error) {
      fail(error);
    }
  });
  return {
    ended: () => ended,
    /** Returns what the member did not take: bytes after its end. */
    async write(chunk: Uint8Array): Promise<Uint8Array> {
      if (chunk.length === 0) return chunk;
      const before = inflate.bytesWritten;
      const written = new Promise<void>((resolve) => {
        inflate.write(chunk, () => resolve());
      });
      await Promise.race([written, closed]);
      if (failure !== undefined) throw failure;
      const taken = inflate.bytesWritten - before;
      // zlib leaves input only when the deflate stream is complete.
      if (taken < chunk.length) ended = true;
      return chunk.subarray(taken);
    },
    async finish(): Promise<{ sum: number; unpackedBytes: number }> {
      inflate.end();
      await Promise.race([drained, closed]);
      if (failure !== undefined) throw failure;
      return { sum, unpackedBytes };
    },
    destroy(): void {
      inflate.destroy();
    },
  };
}

/** CRC-32 and length (RFC 1952 §2.3.1), then zeros only. */
function trailerReader() {
  const trailer = new Uint8Array(8);
  let seen = 0;
  return {
    push(bytes: Uint8Array): void {
      for (const byte of bytes) {
        if (seen < 8) trailer[seen] = byte;
        else if (byte !== 0) {
          throw new ArchiveRefused("archive/trailing-bytes", "something follows the gzip member");
        }
        seen++;
      }
    },
    finish(sum: number, unpackedBytes: number): number {
      if (seen < 8) throw new ArchiveRefused("archive/truncated", "the gzip stream ends early");
      const view = new DataView(trailer.buffer);
      if (view.getUint32(0, true) !== sum || view.getUint32(4, true) !== unpackedBytes % 2 ** 32) {
        throw new ArchiveRefused("archive/bad-gzip", "the checksum of the unpacked data is wrong");
      }
      return seen - 8;
    },
  };
}
