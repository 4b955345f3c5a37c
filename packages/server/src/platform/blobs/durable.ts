import { createHash, type Hash } from "node:crypto";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { ExpectedBytes } from "./blobs.ts";

/** Bytes read and hashed at once: short enough not to hold up other work. */
const pieceBytes = 256 * 1024;

/** Makes directory entries durable. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder and those above it, each entry durable. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const above = dirname(first);
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    await syncFolder(folder);
    if (folder === above) return;
  }
}

/** Writes all bytes; `write` may take fewer. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}

/** Fills the buffer from the file, or as far as the file goes. Answers how many bytes that was. */
export async function readAll(handle: FileHandle, buffer: Uint8Array, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.byteLength) {
    const { bytesRead } = await handle.read(buffer, done, buffer.byteLength - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** The pieces of a file from its start. A piece is valid until the next one is asked for. */
export async function* pieces(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(pieceBytes);
  for (let position = 0; ;) {
    const count = await readAll(handle, buffer, position);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}

/** Takes bytes in pieces and says at the end how they differ from what was expected, or undefined. */
export interface Verifier {
  add(bytes: Uint8Array): void;
  difference(): string | undefined;
}

export function createVerifier(expected: ExpectedBytes): Verifier {
  const hashes: { readonly name: string; readonly hex: string; readonly hash: Hash }[] = [];
  for (const name of ["sha256", "sha512"] as const) {
    const hex = expected[name];
    if (hex !== undefined) hashes.push({ name, hex, hash: createHash(name) });
  }
  let sizeBytes = 0;
  return {
    add(bytes) {
      sizeBytes += bytes.byteLength;
      for (const { hash } of hashes) hash.update(bytes);
    },
    difference() {
      if (sizeBytes !== expected.sizeBytes) return `${sizeBytes} bytes instead of ${expected.sizeBytes}`;
      const wrong = hashes.find(({ hash, hex }) => hash.digest("hex") !== hex);
      return wrong && `their ${wrong.name} is not ${wrong.hex}`;
    },
  };
}
