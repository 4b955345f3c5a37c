import { equalBytes } from "../bytes.ts";
import { AssayError } from "../errors.ts";
import type { Sha256 } from "../hash.ts";
import { emptyRoot, hashLength, nodeHash } from "./hash.ts";
import { completeSubtrees, readGroups, splitPoint, type HashReader, type NodeCoordinates } from "./subtree.ts";

/** What an inclusion proof is checked against. */
export interface InclusionClaim {
  readonly size: number;
  readonly root: Uint8Array;
  readonly index: number;
  readonly leafHash: Uint8Array;
  /** Sibling hashes, leaf to root. */
  readonly proof: readonly Uint8Array[];
}

/** What a consistency proof is checked against. */
export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly newSize: number;
  readonly newRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

interface Sibling {
  readonly side: "left" | "right";
  readonly nodes: readonly NodeCoordinates[];
}

/** Root hash of a tree from its complete subtrees. Source: RFC 6962 §2.1. */
export async function treeRoot(sha256: Sha256, size: number, reader: HashReader): Promise<Uint8Array> {
  checkSize(size);
  if (size === 0) return emptyRoot(sha256);
  const [root] = await readGroups(sha256, [completeSubtrees(0, size)], reader);
  return root ?? emptyRoot(sha256);
}

/**
 * For each hash of an inclusion proof, leaf to root, the complete subtrees whose fold it is. Only the last group
 * on the right edge has more than one. Throws BAD_FORMAT unless 0 <= index < size.
 */
export function inclusionNodes(size: number, index: number): (readonly NodeCoordinates[])[] {
  return inclusionPath(size, index).map((sibling) => sibling.nodes);
}

/** The sibling hashes of a leaf, leaf to root. Throws BAD_FORMAT unless 0 <= index < size. RFC 6962 §2.1.1. */
export async function proveInclusion(
  sha256: Sha256,
  size: number,
  index: number,
  reader: HashReader,
): Promise<Uint8Array[]> {
  return await readGroups(sha256, inclusionNodes(size, index), reader);
}

/**
 * True when the proof shows that the leaf is entry `index` of the tree with this size and root. The proof must have
 * exactly the length that size and index call for. Never throws.
 */
export function verifyInclusion(sha256: Sha256, claim: InclusionClaim): boolean {
  const { size, index, proof } = claim;
  if (!isIndexOf(size, index)) return false;
  const path = inclusionPath(size, index);
  if (proof.length !== path.length || !areHashes([claim.root, claim.leafHash, ...proof])) {
    return false;
  }
  let hash = claim.leafHash;
  for (const [i, sibling] of proof.entries()) {
    const left = path[i]?.side === "left";
    hash = left ? nodeHash(sha256, sibling, hash) : nodeHash(sha256, hash, sibling);
  }
  return equalBytes(hash, claim.root);
}

/**
 * The hashes that show that the tree of `oldSize` is a prefix of the tree of `newSize`; none when the sizes are
 * equal or `oldSize` is 0. Throws BAD_FORMAT unless 0 <= oldSize <= newSize. RFC 6962 §2.1.2.
 */
export async function proveConsistency(
  sha256: Sha256,
  oldSize: number,
  newSize: number,
  reader: HashReader,
): Promise<Uint8Array[]> {
  return await readGroups(sha256, consistencyNodes(oldSize, newSize), reader);
}

/** For each hash of a consistency proof, the complete subtrees whose fold it is. Throws BAD_FORMAT on bad sizes. */
export function consistencyNodes(oldSize: number, newSize: number): (readonly NodeCoordinates[])[] {
  checkSize(newSize);
  if (!Number.isSafeInteger(oldSize) || oldSize < 0 || oldSize > newSize) {
    throw malformed("the older size must be from 0 to the newer one");
  }
  if (oldSize === 0 || oldSize === newSize) return [];
  const groups: (readonly NodeCoordinates[])[] = [];
  let start = 0;
  let end = newSize;
  // Down the path of the old tree's right edge: the sibling of each step, then the old subtree at its foot.
  while (oldSize < end) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      groups.push(completeSubtrees(middle, end));
      end = middle;
    } else {
      groups.push(completeSubtrees(start, middle));
      start = middle;
    }
  }
  // A foot that starts at 0 is the whole old tree, whose root the verifier knows.
  if (start > 0) groups.push(completeSubtrees(start, end));
  return groups.toReversed();
}

/**
 * True when the proof shows that the tree (oldSize, oldRoot) is a prefix of (newSize, newRoot). Sizes that are equal
 * need equal roots and no proof; the empty tree is a prefix of every tree. Never throws.
 */
export function verifyConsistency(sha256: Sha256, claim: ConsistencyClaim): boolean {
  const roots = provenRoots(sha256, claim);
  return roots !== undefined && equalBytes(roots.oldRoot, claim.oldRoot) && equalBytes(roots.newRoot, claim.newRoot);
}

/**
 * The two roots that a consistency proof leads to. When the new one is right, the old one is what the new tree has
 * at the old size, whatever was claimed: that is how a fork shows itself. Where the old tree is a complete subtree of
 * the new one (its size is a power of two) the proof starts from the claimed old root. Undefined when the sizes are
 * wrong, a hash is not 32 bytes or the proof has another length. Never throws.
 */
export function provenRoots(
  sha256: Sha256,
  claim: ConsistencyClaim,
): { readonly oldRoot: Uint8Array; readonly newRoot: Uint8Array } | undefined {
  const { oldSize, oldRoot, newSize, newRoot, proof } = claim;
  if (!isSize(oldSize) || !isSize(newSize) || oldSize > newSize) return undefined;
  if (!areHashes([oldRoot, newRoot, ...proof])) return undefined;
  if (oldSize === newSize) return proof.length === 0 ? { oldRoot: newRoot, newRoot } : undefined;
  if (oldSize === 0) return proof.length === 0 ? { oldRoot: emptyRoot(sha256), newRoot } : undefined;

  const sides: ("left" | "right")[] = [];
  let start = 0;
  let end = newSize;
  while (oldSize < end) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      sides.push("right");
      end = middle;
    } else {
      sides.push("left");
      start = middle;
    }
  }
  const hashes = start > 0 ? [...proof] : [oldRoot, ...proof];
  const foot = hashes.shift();
  if (foot === undefined || hashes.length !== sides.length) return undefined;
  let oldHash = foot;
  let newHash = foot;
  for (const [i, side] of sides.toReversed().entries()) {
    const sibling = hashes[i];
    if (sibling === undefined) return undefined;
    if (side === "left") {
      oldHash = nodeHash(sha256, sibling, oldHash);
      newHash = nodeHash(sha256, sibling, newHash);
    } else {
      newHash = nodeHash(sha256, newHash, sibling);
    }
  }
  return { oldRoot: oldHash, newRoot: newHash };
}

/** The siblings on the way from a leaf to the root. */
function inclusionPath(size: number, index: number): Sibling[] {
  checkSize(size);
  if (!isIndexOf(size, index)) throw malformed("the index must be from 0 to size - 1");
  const path: Sibling[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      path.push({ side: "right", nodes: completeSubtrees(middle, end) });
      end = middle;
    } else {
      path.push({ side: "left", nodes: completeSubtrees(start, middle) });
      start = middle;
    }
  }
  return path.toReversed();
}

function isSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}

function isIndexOf(size: number, index: number): boolean {
  return isSize(size) && isSize(index) && index < size;
}

function areHashes(hashes: readonly Uint8Array[]): boolean {
  return hashes.every((hash) => hash.length === hashLength);
}

function checkSize(size: number): void {
  if (!isSize(size)) throw malformed("a size must be a whole number from 0 to 2^53 - 1");
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A proof request", reason });
}
