import { gzipSync, zstdCompressSync } from "node:zlib";
import type { WorkerTask } from "../platform/workers/workers.ts";
import { assembleDocument, type AssembleInput } from "../upstreams/assemble.ts";
import type { Encoding } from "./render.ts";

interface RenderInput {
  readonly input: AssembleInput;
  readonly encoding: Encoding;
}

/** The task of a worker thread: assemble, then compress with what pays off for documents that are read often. */
export const renderInWorker: WorkerTask<RenderInput, Uint8Array> = {
  file: new URL(import.meta.url),
  name: "renderDocument",
};

export function renderDocument({ input, encoding }: RenderInput): Uint8Array {
  const identity = assembleDocument(input);
  if (encoding === "gzip") return gzipSync(identity);
  return encoding === "zstd" ? zstdCompressSync(identity) : identity;
}
