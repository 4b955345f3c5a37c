import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { AssayError } from "@assay/core";
import { syncFolder, writeAll } from "../../platform/blobs/durable.ts";
import type { Member, MemberWriter, Members } from "./members.ts";
import { blockBytes, readTarHeader, tarHeader, type MemberHeader } from "./tar-block.ts";

const zeros = new Uint8Array(2 * blockBytes);

/**
 * Writes an archive under a temporary name beside `path` and renames it there when it is finished. A crash leaves the
 * temporary file, which the next export of the same name replaces.
 */
export async function createTarWriter(path: string, mtimeSeconds: number): Promise<MemberWriter> {
  const temporary = `${path}.partial`;
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx", 0o644);
  let position = 0;
  let closed = false;
  const append = async (bytes: Uint8Array): Promise<void> => {
    await writeAll(file, bytes, position);
    position += bytes.byteLength;
  };
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await file.close();
  };
  return {
    async write(member, sizeBytes, chunks) {
      await append(tarHeader({ path: member, sizeBytes, mtimeSeconds }));
      const start = position;
      for await (const chunk of chunks) await append(chunk);
      if (position - start !== sizeBytes) throw new Error(`${member} had ${position - start} bytes, not ${sizeBytes}`);
      await append(zeros.subarray(0, paddingOf(sizeBytes)));
    },
    async finish() {
      await append(zeros);
      await file.sync();
      await close();
      await rename(temporary, path);
      await syncFolder(dirname(path));
    },
    async [Symbol.asyncDispose]() {
      await close();
      await rm(temporary, { force: true });
    },
  };
}

/** Reads an archive from its beginning, holding one chunk at a time. */
export function createTarMembers(source: AsyncIterable<Uint8Array>, close: () => Promise<void>): Members {
  const bytes = createByteReader(source);
  /** Bytes of the current member and its padding that were not read. */
  let left = 0;
  let padding = 0;
  /** A header that was read and is not taken yet. */
  let ahead: MemberHeader | undefined;
  let ended = false;

  async function header(): Promise<MemberHeader | undefined> {
    if (ahead !== undefined || ended) return ahead;
    await bytes.skip(left);
    left = 0;
    if (!(await bytes.take(padding)).every((byte) => byte === 0))
      throw malformed("a member is padded with other bytes than zeros");
    padding = 0;
    const block = await bytes.take(blockBytes);
    ahead = readTarHeader(block);
    ended = ahead === undefined;
    return ahead;
  }

  function enter({ sizeBytes }: MemberHeader): Member {
    ahead = undefined;
    left = sizeBytes;
    padding = paddingOf(sizeBytes);
    return {
      sizeBytes,
      async *chunks() {
        while (left > 0) {
          const chunk = await bytes.some(left);
          left -= chunk.byteLength;
          yield chunk;
        }
      },
    };
  }

  return {
    async next(path, maxBytes) {
      const found = await header();
      if (found?.path !== path) throw malformed(`${found?.path ?? "its end"} stands where ${path} is expected`);
      if (found.sizeBytes > maxBytes)
        throw malformed(`${path} has ${found.sizeBytes} bytes, at most ${maxBytes} are allowed`);
      return enter(found);
    },
    async skipTo(path) {
      for (let found = await header(); found !== undefined && found.path !== path; found = await header()) enter(found);
      return ahead !== undefined;
    },
    async end() {
      const found = await header();
      if (found !== undefined) throw malformed(`${found.path} stands where its end is expected`);
      if (!(await bytes.take(blockBytes)).every((byte) => byte === 0))
        throw malformed("it has no second block of zeros at its end");
      if (!(await bytes.isAtEnd())) throw malformed("something follows its end");
    },
    [Symbol.asyncDispose]: close,
  };
}

interface ByteReader {
  /** Exactly this many bytes. */
  take(count: number): Promise<Uint8Array>;
  /** At least one byte, at most this many. */
  some(most: number): Promise<Uint8Array>;
  skip(count: number): Promise<void>;
  isAtEnd(): Promise<boolean>;
}

function createByteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array(0);

  async function fill(): Promise<boolean> {
    while (held.byteLength === 0) {
      const next = await iterator.next();
      if (next.done === true) return false;
      held = next.value;
    }
    return true;
  }

  async function some(most: number): Promise<Uint8Array> {
    if (!(await fill())) throw malformed("it is cut off");
    const chunk = held.subarray(0, most);
    held = held.subarray(chunk.byteLength);
    return chunk;
  }

  return {
    some,
    async take(count) {
      const whole = new Uint8Array(count);
      for (let at = 0; at < count;) {
        const chunk = await some(count - at);
        whole.set(chunk, at);
        at += chunk.byteLength;
      }
      return whole;
    },
    async skip(count) {
      for (let left = count; left > 0;) left -= (await some(left)).byteLength;
    },
    isAtEnd: async () => !(await fill()),
  };
}

function paddingOf(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The export", reason });
}
