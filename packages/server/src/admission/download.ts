import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type Integrity, integrityFromSha512 } from "@assay/core";
import type { BlobSource } from "../platform/blobs/blobs.ts";
import type { Spool, SpoolFile } from "../platform/blobs/spool.ts";
import { NetworkError } from "../platform/network/network.ts";
import type { TarballOffer } from "../upstreams/upstreams.ts";

/** A tarball that came in, in memory or in a spool file; nobody has seen it yet. */
export interface Download extends AsyncDisposable {
  readonly sizeBytes: number;
  readonly integrity: Integrity;
  /** SHA-1, lower-case hex. */
  readonly sha1: string;
  readonly blob: BlobSource;
  chunks(): AsyncIterable<Uint8Array>;
}

export interface DownloadDeps {
  readonly spool: Spool;
  /** Largest tarball, bytes. */
  readonly maxBytes: number;
}

/**
 * The bytes of one offer, hashed while they come in. Content-Type and everything else that a source says about them
 * is ignored.
 *
 * A crash leaves at most a spool file, removed when the spool is made again. Throws NetworkError for what the source
 * does, NOT_READY when too much is being downloaded at once.
 */
export async function download(deps: DownloadDeps, { response }: TarballOffer): Promise<Download> {
  try {
    return await collect(deps, response.body as AsyncIterable<Uint8Array>);
  } finally {
    response.body.destroy();
  }
}

/** Bytes that somebody brings along, hashed while they come in. Leaves what `download` leaves; throws what `chunks` throws. */
export async function collect(deps: DownloadDeps, chunks: AsyncIterable<Uint8Array>): Promise<Download> {
  const writer = createTarballWriter(deps.spool, deps.maxBytes);
  try {
    for await (const chunk of chunks) await writer.write(chunk);
    return await writer.finish();
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** Downloads up to this size stay in memory: no file, no fsync but the blob's own. */
export const tarballMemoryBytes = 1024 * 1024;

export interface TarballWriter {
  /** Throws NetworkError when there are too many bytes, NOT_READY when too much is on its way at once. */
  write(chunk: Uint8Array): Promise<void>;
  finish(): Promise<Download>;
  discard(): Promise<void>;
}

/** Takes the bytes of one tarball; a spool file is made when they outgrow memory. */
export function createTarballWriter(spool: Spool, maxBytes: number): TarballWriter {
  const sha512 = createHash("sha512");
  const sha1 = createHash("sha1");
  let held: Uint8Array[] = [];
  let sizeBytes = 0;
  let file: SpoolFile | undefined;

  const discard = async (): Promise<void> => {
    held = [];
    await file?.discard();
  };
  return {
    async write(chunk) {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw new NetworkError("too-large", `a tarball of more than ${maxBytes} bytes`);
      sha512.update(chunk);
      sha1.update(chunk);
      if (file === undefined && sizeBytes <= tarballMemoryBytes) {
        held.push(chunk);
        return;
      }
      if (file === undefined) {
        file = await spool.create();
        for (const earlier of held) await file.write(earlier);
        held = [];
      }
      await file.write(chunk);
    },
    async finish() {
      await file?.finish();
      const digests = { sizeBytes, integrity: integrityFromSha512(sha512.digest()), sha1: sha1.digest("hex") };
      if (file !== undefined) {
        const { path } = file;
        return { ...digests, blob: { path }, chunks: () => createReadStream(path), [Symbol.asyncDispose]: discard };
      }
      const bytes = new Uint8Array(Buffer.concat(held));
      held = [];
      return { ...digests, blob: bytes, chunks: () => inPieces(bytes), [Symbol.asyncDispose]: discard };
    },
    discard,
  };
}

/** Pieces of 64 KiB: what reads them decompresses one at a time, off this thread. */
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65536) yield bytes.subarray(at, at + 65536);
}
