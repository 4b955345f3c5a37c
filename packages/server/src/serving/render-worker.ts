import { gzipSync, zstdCompressSync } from "node:zlib";
import type { WorkerTask } from "../platform/workers/workers.ts";
import { assembleDocument, isLostParts, type AssembleInput } from "../upstreams/assemble.ts";
import type { Encoding } from "./render.ts";

interface RenderInput {
  readonly input: AssembleInput;
  readonly encoding: Encoding;
}

/** The task of a worker thread: assemble, then compress with what pays off for documents that are read often. */
export const renderInWorker: WorkerTask<RenderInput, Uint8Array | undefined> = {
  file: new URL(import.meta.url),
  name: "renderDocument",
};

/** Undefined when the parts are lost: an error would arrive without its class. */
export function renderDocument({ input, encoding }: RenderInput): Uint8Array | undefined {
  let identity: Buffer;
  try {
    identity = assembleDocument(input);
  } catch (error) {
    if (isLostParts(error)) return undefined;
    throw error;
  }
  if (encoding === "gzip") return gzipSync(identity);
  return encoding === "zstd" ? zstdCompressSync(identity) : identity;
}
