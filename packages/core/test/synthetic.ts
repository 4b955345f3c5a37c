import { concatBytes, encodeUtf8, leafHash, toBase64, type Sha256 } from "@assay/core";

/** Entry `index` of the synthetic log that vectors/tlog/tlog-vectors.json describes. */
export function syntheticEntry(sha256: Sha256, index: number): Uint8Array {
  const first = sha256(encodeUtf8(`tarball ${index}`));
  const digest = toBase64(concatBytes(first, sha256(first)));
  const name = `npm.example/pkg-${Math.floor(index / 10)}`;
  return encodeUtf8(`${name} v1.0.${index % 10} sha512-${digest}\n`);
}

/** Leaf hashes of the first `count` synthetic entries. */
export function syntheticLeaves(sha256: Sha256, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => leafHash(sha256, syntheticEntry(sha256, i)));
}

/** Leaf hashes that cost one short hash each. */
export function cheapLeaves(sha256: Sha256, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => sha256(encodeUtf8(`leaf ${i}`)));
}

/** A small deterministic generator (mulberry32): numbers from 0 up to `below`. */
export function createSequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
