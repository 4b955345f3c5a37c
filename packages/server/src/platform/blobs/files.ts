import { createReadStream, type Dirent } from "node:fs";
import { link, open, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { AssayError } from "@assay/core";
import type { Random } from "../random.ts";
import type { BlobKey, BlobSource, BlobStore, ExpectedBytes } from "./blobs.ts";
import { createVerifier, makeFolder, pieces, readAll, syncFolder, writeAll } from "./durable.ts";
import { parseBlobKey, parseBlobPrefix } from "./key.ts";

export interface FileBlobStoreDeps {
  readonly random: Random;
}

/** Not a segment of any key. On the same file system as the blobs, so that a link moves a file in. */
const temporaryFolder = "+temporary";

/**
 * Removes what a crash left half written, when nothing was written to it since `beforeMs` (by the file system's clock).
 * Default: all of it, which is for who has the folder alone.
 */
export async function clearTemporaryBlobs(folder: string, beforeMs = Number.POSITIVE_INFINITY): Promise<void> {
  const temporary = join(folder, temporaryFolder);
  for (const name of (await ifThere(readdir(temporary))) ?? []) {
    const file = join(temporary, name);
    const found = await ifThere(stat(file));
    if (found !== undefined && found.mtimeMs < beforeMs) await rm(file, { force: true });
  }
}

/**
 * Blobs as files: the key is the path below `folder`. Several processes may have one folder at a time.
 *
 * A blob is written under a temporary name, synced, verified, linked under its key and its folder synced. A
 * crash before the link leaves nothing under the key; after it, a whole blob that nobody was told of.
 */
export async function createFileBlobStore(
  { random }: FileBlobStoreDeps,
  { folder }: { readonly folder: string },
): Promise<BlobStore> {
  const temporary = join(folder, temporaryFolder);
  await makeFolder(temporary);
  const pathOf = (key: BlobKey) => join(folder, parseBlobKey(key));

  return {
    async put(key, source, expected) {
      const path = pathOf(key);
      const name = join(temporary, Buffer.from(random.bytes(16)).toString("hex"));
      try {
        await writeTemporary(name, source, key, expected);
        await makeFolder(dirname(path));
        const linked = await linkOnce(name, path);
        if (!linked && !(await sameContent(name, path))) throw new AssayError("BLOB_CONFLICT", { key });
        // The same bytes with today's date: what is wanted again is no old orphan.
        if (!linked) await rename(name, path);
        // Also when it was there: whoever linked it may not have synced the folder yet.
        await syncFolder(dirname(path));
        return linked ? "stored" : "present";
      } finally {
        await rm(name, { force: true });
      }
    },

    async read(key) {
      const handle = await ifThere(open(pathOf(key), "r"));
      if (handle === undefined) return undefined;
      try {
        const found = await handle.stat();
        if (!found.isFile()) return undefined;
        const bytes = new Uint8Array(found.size);
        const count = await readAll(handle, bytes, 0);
        if (count !== found.size) throw new AssayError("BLOB_CORRUPT", { key, reason: "it became shorter" });
        return bytes;
      } finally {
        await handle.close();
      }
    },

    async open(key, range) {
      const path = pathOf(key);
      const handle = await ifThere(open(path, "r"));
      if (handle === undefined) return undefined;
      let streaming = false;
      try {
        const found = await handle.stat();
        if (!found.isFile()) return undefined;
        const { start, end } = range ?? { start: 0, end: found.size };
        if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= found.size))
          throw new RangeError(`bytes ${start} to ${end} of a blob of ${found.size}`);
        streaming = start < end;
        const stream = streaming ? createReadStream(path, { fd: handle, start, end: end - 1 }) : Readable.from([]);
        return { sizeBytes: found.size, stream };
      } finally {
        // The stream closes it otherwise.
        if (!streaming) await handle.close();
      }
    },

    async stat(key) {
      try {
        const found = await stat(pathOf(key));
        return found.isFile() ? { sizeBytes: found.size } : undefined;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },

    list: (prefix) => list(folder, parseBlobPrefix(prefix)),

    async remove(key) {
      const path = pathOf(key);
      try {
        await unlink(path);
      } catch (error) {
        if (isMissing(error)) return;
        throw error;
      }
      await syncFolder(dirname(path));
    },
  };
}

/** Leaves a synced file of the expected bytes under the temporary name, or throws BLOB_CORRUPT. */
async function writeTemporary(name: string, source: BlobSource, key: BlobKey, expected: ExpectedBytes): Promise<void> {
  if (source instanceof Uint8Array) await writeBytes(name, source);
  else await takeFile(name, source.path);
  const handle = await open(name, "r");
  try {
    // A linked source stays under its other name for a while: nobody may write through that.
    await handle.chmod(0o400);
    await handle.sync();
    const verifier = createVerifier(expected);
    for await (const piece of pieces(handle)) verifier.add(piece);
    const reason = verifier.difference();
    if (reason !== undefined) throw new AssayError("BLOB_CORRUPT", { key, reason });
  } finally {
    await handle.close();
  }
}

async function writeBytes(name: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(name, "wx", 0o600);
  try {
    await writeAll(handle, bytes, 0);
  } finally {
    await handle.close();
  }
}

/** A second name for the file where that is possible, else a copy. */
async function takeFile(name: string, path: string): Promise<void> {
  try {
    await link(path, name);
    return;
  } catch (error) {
    // Another file system, or one without links.
    if (!["EXDEV", "EPERM", "EMLINK", "ENOTSUP"].includes(codeOf(error))) throw error;
  }
  const from = await open(path, "r");
  const to = await open(name, "wx", 0o600);
  try {
    let position = 0;
    for await (const piece of pieces(from)) {
      await writeAll(to, piece, position);
      position += piece.byteLength;
    }
  } finally {
    await from.close();
    await to.close();
  }
}

/** False when something is there already: `link` never overwrites. */
async function linkOnce(name: string, path: string): Promise<boolean> {
  try {
    await link(name, path);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function sameContent(one: string, other: string): Promise<boolean> {
  const a = await open(one, "r");
  const b = await open(other, "r");
  try {
    const [sizeA, sizeB] = [await a.stat(), await b.stat()];
    if (!sizeB.isFile() || sizeA.size !== sizeB.size) return false;
    const compared = new Uint8Array(256 * 1024);
    let position = 0;
    for await (const piece of pieces(a)) {
      const counterpart = compared.subarray(0, piece.byteLength);
      const count = await readAll(b, counterpart, position);
      if (count !== piece.byteLength || Buffer.compare(piece, counterpart) !== 0) return false;
      position += piece.byteLength;
    }
    return true;
  } finally {
    await a.close();
    await b.close();
  }
}

async function* list(
  folder: string,
  prefix: string,
): AsyncGenerator<{ readonly key: BlobKey; readonly modifiedMs: number }> {
  const entries = await readFolder(join(folder, prefix));
  // A folder's keys go on with a slash, which sorts after `-` and `.`.
  const names = entries
    .filter((entry) => entry.name !== temporaryFolder)
    .map((entry) => ({ entry, sortedAs: entry.isDirectory() ? `${entry.name}/` : entry.name }))
    .sort((a, b) => (a.sortedAs < b.sortedAs ? -1 : 1));
  for (const { entry } of names) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) yield* list(folder, path);
    else {
      const found = await stat(join(folder, path)).catch(() => undefined);
      // Removed meanwhile.
      if (found !== undefined) yield { key: parseBlobKey(path), modifiedMs: Math.trunc(found.mtimeMs) };
    }
  }
}

async function readFolder(path: string): Promise<Dirent[]> {
  return (await ifThere(readdir(path, { withFileTypes: true }))) ?? [];
}

/** Undefined for what is not there. */
async function ifThere<Found>(found: Promise<Found>): Promise<Found | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(error));
}
