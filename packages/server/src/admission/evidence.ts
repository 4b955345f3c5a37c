import { AssayError, type PackageName, type Version } from "@assay/core";
import { blobKey } from "../platform/blobs/key.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Download } from "./download.ts";
import { sha256Of } from "./digests.ts";
import type { Statement } from "./statement.ts";
import { addEvidence, anyDoomed, evidenceBytes, evidenceKeyOf } from "./store.ts";

export interface EvidenceDeps {
  readonly blobs: BlobStore;
  readonly database: Database;
  readonly clock: Clock;
}

export interface EvidenceLimits {
  /** Larger bytes are described by their digest only. */
  readonly eachBytes: number;
  /** Of all evidence together. */
  readonly totalBytes: number;
}

/**
 * Keeps wrong bytes as the blob `evidence/<sha256>`, within limits and once per version and source; answers
 * their SHA-256 in hex, and whether they are kept. What the source said of them is kept beside. A crash between blob and row leaves an orphan.
 */
export async function keepEvidence(
  { blobs, database, clock }: EvidenceDeps,
  limits: EvidenceLimits,
  about: { readonly name: PackageName; readonly version: Version; readonly source: string },
  download: Download,
  statement?: Statement,
): Promise<{ readonly sha256: string; readonly kept: boolean }> {
  const { name, version, source } = about;
  const sha256 = await sha256Of(download);
  const { sizeBytes } = download;
  if (sizeBytes > limits.eachBytes) return { sha256, kept: false };
  const key = blobKey("evidence", "sha256", sha256);
  const earlier = await evidenceKeyOf(database.read, name, version, source);
  if (earlier !== undefined) return { sha256, kept: earlier === key };
  if ((await evidenceBytes(database.read)) + sizeBytes > limits.totalBytes) return { sha256, kept: false };
  await blobs.put(key, download.blob, { sizeBytes, sha256 });
  await database.write(async (transaction) => {
    if (await anyDoomed(transaction, [key]))
      throw new AssayError("NOT_READY", { reason: "the evidence is being removed", retryAfterSeconds: 1 });
    await addEvidence(transaction, {
      name,
      version,
      source,
      key,
      size_bytes: sizeBytes,
      stored_at_ms: clock.now(),
      statement: statement === undefined ? null : JSON.stringify(statement),
    });
  });
  return { sha256, kept: true };
}
