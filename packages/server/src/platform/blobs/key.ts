import { AssayError } from "@assay/core";
import type { BlobKey } from "./blobs.ts";

/** Hex digits of each digest. */
const hexLengths = { sha256: 64, sha512: 128 } as const;

/** `[a-z0-9._-]{1,128}`, except `.` and `..`. */
const segment = /^(?!\.{1,2}$)[a-z0-9._-]{1,128}$/;

/**
 * The key of content-addressed bytes: `<kind>/<first 2 hex digits>/<hex>`. `kind` is one segment, `hex` the
 * whole digest in lower case. Throws BAD_FORMAT.
 */
export function blobKey(kind: string, algorithm: "sha256" | "sha512", hex: string): BlobKey {
  if (hex.length !== hexLengths[algorithm] || !/^[0-9a-f]+$/.test(hex))
    throw new AssayError("BAD_FORMAT", { what: "A blob key", reason: `not a ${algorithm} in lower-case hex` });
  if (kind.includes("/")) throw new AssayError("BAD_FORMAT", { what: "A blob key", reason: "a kind with a slash" });
  return parseBlobKey(`${kind}/${hex.slice(0, 2)}/${hex}`);
}

/** A key of 1 to 8 segments as `blobs.ts` describes them. Throws BAD_FORMAT. */
export function parseBlobKey(text: string): BlobKey {
  const segments = text.split("/");
  if (segments.length > 8) throw new AssayError("BAD_FORMAT", { what: "A blob key", reason: "more than 8 segments" });
  if (!segments.every((part) => segment.test(part)))
    throw new AssayError("BAD_FORMAT", {
      what: "A blob key",
      reason: "a segment that is not [a-z0-9._-]{1,128}",
    });
  return text as BlobKey;
}

/** A prefix of whole segments: empty, or a key. Throws BAD_FORMAT. */
export function parseBlobPrefix(text: string): string {
  return text === "" ? "" : parseBlobKey(text);
}
