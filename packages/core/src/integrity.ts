import { fromBase64, toBase64, toHex } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import type { Integrity } from "./names.ts";

/** The last character before "==" holds 2 bits of the digest; A, Q, g and w are its only canonical values. */
const sha512Text = /^sha512-[A-Za-z0-9+/]{85}[AQgw]==$/;

/**
 * Reads exactly one `sha512-<base64 of 64 bytes>`, in canonical base64 and with no options.
 * Throws BAD_FORMAT. (W3C Subresource Integrity, narrowed.)
 */
export function parseIntegrity(text: string): Integrity {
  const integrity = asSha512(text);
  if (integrity === undefined) {
    throw new AssayError("BAD_FORMAT", {
      what: "An integrity",
      reason: "sha512- and the base64 of 64 bytes is expected",
    });
  }
  return integrity;
}

/**
 * The first well-formed sha512 in an SRI string (hashes separated by white space, each with options after `?`,
 * which are dropped); undefined when there is none. Never throws: packuments hold anything.
 */
export function sha512Of(sri: string): Integrity | undefined {
  for (const hash of sri.split(/[ \t\n\f\r]+/)) {
    const integrity = asSha512(hash.split("?", 1)[0] ?? "");
    if (integrity !== undefined) return integrity;
  }
  return undefined;
}

/** The integrity with this SHA-512 digest (64 bytes). Throws BAD_FORMAT on another length. */
export function integrityFromSha512(digest: Uint8Array): Integrity {
  return parseIntegrity(`sha512-${toBase64(digest)}`);
}

/** The 64 bytes of the digest. Inverse of `integrityFromSha512`. */
export function integrityBytes(integrity: Integrity): Uint8Array {
  return fromBase64(integrity.slice("sha512-".length));
}

/** The digest as 128 characters of lower-case hex. */
export function integrityHex(integrity: Integrity): string {
  return toHex(integrityBytes(integrity));
}

function asSha512(text: string): Integrity | undefined {
  return sha512Text.test(text) ? (text as Integrity) : undefined;
}
