import { hash } from "node:crypto";
import { versionDigest, type Sha256 } from "@assay/core";

export const sha256: Sha256 = (bytes) => new Uint8Array(hash("sha256", bytes, "buffer"));

/** Digest of a version as documents show it, from the text of its row. Throws BAD_FORMAT for text that is no Unicode. */
export function digestOfListed(manifest: string, deprecated: string | null): string {
  const listed = JSON.parse(manifest) as object;
  return versionDigest(sha256, deprecated === null ? listed : { ...listed, deprecated });
}
