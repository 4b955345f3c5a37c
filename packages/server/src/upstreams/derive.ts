import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { isWorkerLimit, type WorkerTask, type Workers } from "../platform/workers/workers.ts";
import { ingest, RefusedDocument, type IngestInput } from "./ingest.ts";
import { encodeParts } from "./parts.ts";

export interface DeriveInput extends IngestInput {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** sha256 hex of `bytes`. */
  readonly digest: string;
  readonly partsPath: string;
  /** Where the file is written before it is renamed; in the same folder, nobody else's. */
  readonly temporaryPath: string;
}

export type Derived =
  | {
      readonly kind: "derived";
      /** `parseIndex` reads it. */
      readonly index: Uint8Array;
      /** The raw document, zstd. */
      readonly compressed: Uint8Array;
      /** The first few versions that cannot be listed, with why. */
      readonly skipped: readonly { readonly version: string; readonly reason: string }[];
      readonly skippedCount: number;
    }
  | { readonly kind: "refused"; readonly reason: string };

const task: WorkerTask<DeriveInput, Derived> = { file: new URL("./derive.ts", import.meta.url), name: "derive" };

/** Larger documents are derived in a thread: smaller ones take less time than the way there. */
const inlineBytes = 256 * 1024;

/** Derives where it stalls nobody. The bytes are used up. */
export async function deriveSomewhere(deps: { readonly workers: Workers }, input: DeriveInput): Promise<Derived> {
  if (input.bytes.byteLength <= inlineBytes) return await derive(input);
  try {
    return await deps.workers.run(task, input, [input.bytes.buffer]);
  } catch (cause) {
    if (isWorkerLimit(cause)) return { kind: "refused", reason: "it needs too much memory" };
    throw cause;
  }
}

/**
 * Takes a raw document apart, writes its parts file and compresses it. A crash leaves at most a temporary file,
 * which the next pruning of the folder removes.
 */
export async function derive(input: DeriveInput): Promise<Derived> {
  let document;
  try {
    document = ingest(input.bytes, input);
  } catch (error) {
    if (error instanceof RefusedDocument) return { kind: "refused", reason: error.message };
    throw error;
  }
  const { name, source, digest } = input;
  const { pieces, index } = encodeParts(document, { name, source, digest });
  await writeWhole(input, pieces);
  const compressed = zstdCompressSync(input.bytes);
  return {
    kind: "derived",
    index,
    compressed,
    skipped: document.skipped.slice(0, 10),
    skippedCount: document.skipped.length,
  };
}

async function writeWhole({ partsPath, temporaryPath }: DeriveInput, pieces: readonly Uint8Array[]): Promise<void> {
  await mkdir(dirname(partsPath), { recursive: true });
  try {
    {
      await using file = await open(temporaryPath, "w");
      await file.write(Buffer.concat(pieces));
    }
    await rename(temporaryPath, partsPath);
  } catch (error) {
    await rm(temporaryPath, { force: true });
    throw error;
  }
}
