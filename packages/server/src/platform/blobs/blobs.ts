import type { Readable } from "node:stream";

/**
 * Bytes that never change: tarballs, manifest fragments, raw upstream documents, tiles, evidence.
 *
 * A key is a relative path of 1 to 8 segments of `[a-z0-9._-]{1,128}`, none of them `.` or `..`.
 * Content-addressed ones are made by `blobKey("tarball", "sha512", hex)` → `tarball/ab/abcd…`.
 */
export type BlobKey = string & { readonly blobKey: true };

export interface BlobStore {
  /**
   * Stores the bytes under the key. Durable on return (data and directory entry): a crash before that
   * leaves no half blob under the key. Write-once: equal bytes already there answer "present"; other
   * bytes throw BLOB_CONFLICT. `expected` is checked against what was really written; a difference throws
   * BLOB_CORRUPT and stores nothing.
   */
  put(key: BlobKey, source: BlobSource, expected: ExpectedBytes): Promise<"stored" | "present">;

  /** The whole blob, or undefined when there is none. For blobs of up to a few MiB. */
  read(key: BlobKey): Promise<Uint8Array | undefined>;

  /** A stream over bytes [start, end) of the blob (whole when no range), or undefined when there is none. Throws RangeError outside the blob. */
  open(key: BlobKey, range?: { readonly start: number; readonly end: number }): Promise<BlobStream | undefined>;

  /** Size of the blob, or undefined when there is none. */
  stat(key: BlobKey): Promise<{ readonly sizeBytes: number } | undefined>;

  /** Keys under a prefix of whole segments, in byte order, as they are found. May lag behind `put` elsewhere. */
  list(prefix: string): AsyncIterable<{ readonly key: BlobKey; readonly modifiedMs: number }>;

  /** Removes a blob that nothing refers to; only the orphan collector calls this. */
  remove(key: BlobKey): Promise<void>;
}

/** Bytes in memory, or a finished file that the store may link or copy (the caller still removes its file). */
export type BlobSource = Uint8Array | { readonly path: string };

export interface ExpectedBytes {
  readonly sizeBytes: number;
  /** Lower-case hex. At least one digest for content from outside. */
  readonly sha256?: string;
  readonly sha512?: string;
}

export interface BlobStream {
  /** Size of the whole blob, whatever the range. */
  readonly sizeBytes: number;
  readonly stream: Readable;
}
