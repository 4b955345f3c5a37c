import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { isAssayError } from "@assay/core";
import type { BlobKey, BlobStore } from "../platform/blobs/blobs.ts";
import { blobKey } from "../platform/blobs/key.ts";

const decompress = promisify(zstdDecompress);

/** Raw documents as the upstream sent them, compressed with zstd, keyed by the sha256 of what was compressed. */
export interface RawDocuments {
  put(digest: string, compressed: Uint8Array): Promise<void>;
  /** The document, or undefined when it is not there or damaged. */
  read(digest: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  remove(digest: string): Promise<void>;
}

export function createRawDocuments(deps: { readonly blobs: BlobStore }, maxBytes: number): RawDocuments {
  const keyOf = (digest: string): BlobKey => blobKey("raw", "sha256", digest);

  async function read(digest: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const compressed = await deps.blobs.read(keyOf(digest));
    if (compressed === undefined) return undefined;
    try {
      const bytes = new Uint8Array(await decompress(compressed, { maxOutputLength: maxBytes }));
      return createHash("sha256").update(bytes).digest("hex") === digest ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  return {
    read,
    remove: (digest) => deps.blobs.remove(keyOf(digest)),
    async put(digest, compressed) {
      const expected = {
        sizeBytes: compressed.byteLength,
        sha256: createHash("sha256").update(compressed).digest("hex"),
      };
      try {
        await deps.blobs.put(keyOf(digest), compressed, expected);
      } catch (error) {
        // Another release of the compressor writes other bytes for the same document: what is there is as good.
        if (!isAssayError(error, "BLOB_CONFLICT")) throw error;
        if ((await read(digest)) !== undefined) return;
        await deps.blobs.remove(keyOf(digest));
        await deps.blobs.put(keyOf(digest), compressed, expected);
      }
    },
  };
}
