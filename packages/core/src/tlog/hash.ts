import type { Sha256 } from "../hash.ts";

/** Bytes of a node's hash. */
export const hashLength = 32;

/** Hash of a leaf: SHA-256(0x00 || entry). Source: RFC 6962 §2.1. */
export function leafHash(sha256: Sha256, entry: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + entry.length);
  bytes.set(entry, 1);
  return sha256(bytes);
}

/** Hash of an inner node: SHA-256(0x01 || left || right). Source: RFC 6962 §2.1. */
export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + 2 * hashLength);
  bytes[0] = 1;
  bytes.set(left, 1);
  bytes.set(right, 1 + hashLength);
  return sha256(bytes);
}

/** Root of the empty tree: SHA-256 of nothing. Source: RFC 6962 §2.1. */
export function emptyRoot(sha256: Sha256): Uint8Array {
  return sha256(new Uint8Array(0));
}
