import type { Sha256, TileCoordinates } from "@assay/core";

/**
 * RFC 6962 §2.1 written down as it stands, over a list of leaf hashes: the reference that tree code is compared
 * with. It shares nothing with that code; results are remembered, so that every size can be tried.
 */
export interface NaiveTree {
  root(start: number, end: number): Uint8Array;
  inclusion(index: number, start: number, end: number): Uint8Array[];
  consistency(old: number, size: number): Uint8Array[];
  tile(tile: TileCoordinates): Uint8Array;
}

export function createNaiveTree(sha256: Sha256, leaves: readonly Uint8Array[]): NaiveTree {
  const remembered = new Map<string, Uint8Array>();

  function root(start: number, end: number): Uint8Array {
    if (end - start === 1) return leaves[start] ?? new Uint8Array(0);
    const key = `${start},${end}`;
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const k = split(end - start);
    const left = root(start, start + k);
    const right = root(start + k, end);
    const hash = sha256(Uint8Array.from([1, ...left, ...right]));
    remembered.set(key, hash);
    return hash;
  }

  /** PATH(m, D[n]). */
  function inclusion(index: number, start: number, end: number): Uint8Array[] {
    if (end - start === 1) return [];
    const k = split(end - start);
    return index < start + k
      ? [...inclusion(index, start, start + k), root(start + k, end)]
      : [...inclusion(index, start + k, end), root(start, start + k)];
  }

  /** SUBPROOF(m, D[n], b). */
  function subproof(m: number, start: number, end: number, whole: boolean): Uint8Array[] {
    if (m === end - start) return whole ? [] : [root(start, end)];
    const k = split(end - start);
    return m <= k
      ? [...subproof(m, start, start + k, whole), root(start + k, end)]
      : [...subproof(m - k, start + k, end, false), root(start, start + k)];
  }

  function tile({ level, index, width }: TileCoordinates): Uint8Array {
    const bytes = new Uint8Array(width * 32);
    const span = 256 ** level;
    for (let i = 0; i < width; i++) {
      const first = (index * 256 + i) * span;
      bytes.set(root(first, first + span), i * 32);
    }
    return bytes;
  }

  return { root, inclusion, consistency: (old, size) => subproof(old, 0, size, true), tile };
}

function split(count: number): number {
  let k = 1;
  while (k * 2 < count) k *= 2;
  return k;
}
