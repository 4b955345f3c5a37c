import { open, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { AssayError } from "@assay/core";
import type { Random } from "../random.ts";
import { makeFolder, writeAll } from "./durable.ts";

/** Files for bytes that are not verified yet. Nothing in here survives a start. */
export interface Spool {
  create(): Promise<SpoolFile>;
  /** Bytes that all files take now. */
  readonly usedBytes: number;
}

export interface SpoolFile extends AsyncDisposable {
  readonly path: string;
  /** Bytes written so far. */
  readonly sizeBytes: number;
  /**
   * Appends; calls wait for each other. Throws NOT_READY when all files together would outgrow the budget,
   * and what the file system throws when the disk is full; the file is then only good for `discard`.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Closes the file for writing. It is not synced: a store that takes it over does that. */
  finish(): Promise<void>;
  /** Removes the file and gives its bytes back to the budget. Any number of times; the same as disposing. */
  discard(): Promise<void>;
}

export interface SpoolOptions {
  /** Emptied when the spool is made: one process has it at a time. */
  readonly folder: string;
  /** Most bytes of all files together. */
  readonly maxBytes: number;
}

/** Temporary files with one budget, so that downloads cannot fill the disk. */
export async function createSpool(
  { random }: { readonly random: Random },
  { folder, maxBytes }: SpoolOptions,
): Promise<Spool> {
  await rm(folder, { recursive: true, force: true });
  await makeFolder(folder);
  let usedBytes = 0;

  return {
    get usedBytes() {
      return usedBytes;
    },
    async create() {
      const path = join(folder, Buffer.from(random.bytes(16)).toString("hex"));
      const budget: Budget = {
        take(bytes) {
          if (usedBytes + bytes > maxBytes)
            throw new AssayError("NOT_READY", {
              reason: "too many bytes are being downloaded at once",
              retryAfterSeconds: 10,
            });
          usedBytes += bytes;
        },
        giveBack(bytes) {
          usedBytes -= bytes;
        },
      };
      return spoolFile(path, await openNew(path, folder), budget);
    },
  };
}

/** A server that starts empties the folder above, also under a command that works beside it. */
async function openNew(path: string, folder: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    await makeFolder(folder);
    return await open(path, "wx", 0o600);
  }
}

interface Budget {
  take(bytes: number): void;
  giveBack(bytes: number): void;
}

function spoolFile(path: string, handle: FileHandle, budget: Budget): SpoolFile {
  let takenBytes = 0;
  let sizeBytes = 0;
  let last: Promise<void> = Promise.resolve();
  let closed: Promise<void> | undefined;
  let discarded: Promise<void> | undefined;

  async function append(chunk: Uint8Array): Promise<void> {
    await writeAll(handle, chunk, sizeBytes);
    sizeBytes += chunk.byteLength;
  }
  function close(): Promise<void> {
    closed ??= last.then(
      () => handle.close(),
      () => handle.close(),
    );
    return closed;
  }
  async function remove(): Promise<void> {
    await close();
    await rm(path, { force: true });
    budget.giveBack(takenBytes);
    takenBytes = 0;
  }
  function discard(): Promise<void> {
    return (discarded ??= remove());
  }

  return {
    path,
    get sizeBytes() {
      return sizeBytes;
    },
    async write(chunk) {
      if (closed !== undefined) throw new Error("the spool file is finished");
      budget.take(chunk.byteLength);
      takenBytes += chunk.byteLength;
      last = last.then(() => append(chunk));
      await last;
    },
    async finish() {
      await last;
      await close();
    },
    discard,
    [Symbol.asyncDispose]: discard,
  };
}
