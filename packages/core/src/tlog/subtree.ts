import { AssayError } from "../errors.ts";
import type { Sha256 } from "../hash.ts";
import { hashLength, nodeHash } from "./hash.ts";

/** A complete subtree: the leaves from index·2^level up to (index + 1)·2^level. */
export interface NodeCoordinates {
  /** 0 for a leaf. */
  readonly level: number;
  readonly index: number;
}

/**
 * Fetches the hashes of complete subtrees, in the order asked. Proof code calls it once per proof. Nothing it
 * returns is trusted: what is computed from it is checked against a signed root by whoever receives it.
 */
export type HashReader = (nodes: readonly NodeCoordinates[]) => Promise<Uint8Array[]>;

/**
 * The complete subtrees that make up the leaves [start, end), left to right, largest first. `start` must be where
 * RFC 6962 starts a subtree: 0, or a multiple of the largest power of two that fits between `start` and `end`.
 */
export function completeSubtrees(start: number, end: number): NodeCoordinates[] {
  const nodes: NodeCoordinates[] = [];
  let at = start;
  while (at < end) {
    let level = 0;
    let width = 1;
    while (at % (2 * width) === 0 && at + 2 * width <= end) {
      level += 1;
      width *= 2;
    }
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** Largest power of two below `count` (2 or more): where RFC 6962 splits a tree. */
export function splitPoint(count: number): number {
  let width = 1;
  while (2 * width < count) width *= 2;
  return width;
}

/**
 * Root of a range from the hashes of its complete subtrees, left to right. The order is essential: right to left
 * over all of them, whatever their levels. Throws BAD_FORMAT on an empty list.
 */
export function foldSubtrees(sha256: Sha256, hashes: readonly Uint8Array[]): Uint8Array {
  const folded = hashes.reduceRight<Uint8Array | undefined>(
    (right, left) => (right === undefined ? left : nodeHash(sha256, left, right)),
    undefined,
  );
  if (folded === undefined) {
    throw new AssayError("BAD_FORMAT", { what: "A subtree", reason: "it has no hashes" });
  }
  return folded;
}

/** Root of 2^n hashes of one level, adjacent pairs first. `hashes` holds them one after the other. */
export function foldComplete(sha256: Sha256, hashes: Uint8Array): Uint8Array {
  let row = hashes;
  while (row.length > hashLength) {
    const next = new Uint8Array(row.length / 2);
    for (let at = 0; at < next.length; at += hashLength) {
      const left = row.subarray(2 * at, 2 * at + hashLength);
      const right = row.subarray(2 * at + hashLength, 2 * at + 2 * hashLength);
      next.set(nodeHash(sha256, left, right), at);
    }
    row = next;
  }
  return row.slice();
}

/** Reads groups of complete subtrees in one call, and folds each group to one hash. */
export async function readGroups(
  sha256: Sha256,
  groups: readonly (readonly NodeCoordinates[])[],
  reader: HashReader,
): Promise<Uint8Array[]> {
  const nodes = groups.flat();
  if (nodes.length === 0) return [];
  const hashes = await reader(nodes);
  if (hashes.length !== nodes.length || hashes.some((hash) => hash.length !== hashLength)) {
    throw new AssayError("BAD_FORMAT", {
      what: "A hash reader's answer",
      reason: "another number of hashes, or of bytes, than asked",
    });
  }
  let at = 0;
  return groups.map((group) => foldSubtrees(sha256, hashes.slice(at, (at += group.length))));
}
