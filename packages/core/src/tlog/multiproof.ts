import { equalBytes } from "../bytes.ts";
import { AssayError } from "../errors.ts";
import type { Sha256 } from "../hash.ts";
import { hashLength, nodeHash } from "./hash.ts";
import { completeSubtrees, readGroups, type HashReader, type NodeCoordinates } from "./subtree.ts";

/** What a multiproof is checked against. */
export interface ManyClaim {
  readonly size: number;
  readonly root: Uint8Array;
  /** At least one, indexes strictly ascending. */
  readonly leaves: readonly { readonly index: number; readonly leafHash: Uint8Array }[];
  readonly hashes: readonly Uint8Array[];
}

/**
 * One proof for many leaves. At each level, from the leaves up and left to right, the sibling of every known node is
 * added where it exists and is not known itself; a node without a sibling moves up unchanged. `indexes` must be
 * strictly ascending and below `size`. Throws BAD_FORMAT. Spec: docs/formats/bundle.md.
 */
export async function proveMany(
  sha256: Sha256,
  size: number,
  indexes: readonly number[],
  reader: HashReader,
): Promise<Uint8Array[]> {
  if (!areIndexes(size, indexes)) {
    throw new AssayError("BAD_FORMAT", {
      what: "A proof request",
      reason: "indexes must ascend strictly and lie below the size of the tree",
    });
  }
  const groups: (readonly NodeCoordinates[])[] = [];
  let known: readonly number[] = indexes;
  let width = 1;
  for (let count = size; count > 1; count = Math.ceil(count / 2)) {
    const parents: number[] = [];
    for (let i = 0; i < known.length; i++) {
      const index = known[i] ?? 0;
      const sibling = siblingOf(index);
      if (known[i + 1] === sibling) {
        i += 1;
      } else if (sibling < count) {
        groups.push(completeSubtrees(sibling * width, Math.min((sibling + 1) * width, size)));
      }
      parents.push(Math.floor(index / 2));
    }
    known = parents;
    width *= 2;
  }
  return await readGroups(sha256, groups, reader);
}

/**
 * True when the hashes show that every leaf is in the tree with this size and root, at its index; all of them must
 * be used. Never throws.
 */
export function verifyMany(sha256: Sha256, claim: ManyClaim): boolean {
  const { size, leaves, hashes } = claim;
  if (
    leaves.length === 0 ||
    !areIndexes(
      size,
      leaves.map((leaf) => leaf.index),
    )
  )
    return false;
  if (claim.root.length !== hashLength) return false;
  if (hashes.some((hash) => hash.length !== hashLength)) return false;
  if (leaves.some((leaf) => leaf.leafHash.length !== hashLength)) return false;

  let used = 0;
  let known = leaves.map((leaf) => ({ index: leaf.index, hash: leaf.leafHash }));
  for (let count = size; count > 1; count = Math.ceil(count / 2)) {
    const parents: { index: number; hash: Uint8Array }[] = [];
    for (let i = 0; i < known.length; i++) {
      const node = known[i];
      if (node === undefined) return false;
      const sibling = siblingOf(node.index);
      const next = known[i + 1];
      let hash = node.hash;
      if (next?.index === sibling) {
        hash = nodeHash(sha256, node.hash, next.hash);
        i += 1;
      } else if (sibling < count) {
        const given = hashes[used];
        if (given === undefined) return false;
        used += 1;
        const left = sibling < node.index;
        hash = left ? nodeHash(sha256, given, node.hash) : nodeHash(sha256, node.hash, given);
      }
      parents.push({ index: Math.floor(node.index / 2), hash });
    }
    known = parents;
  }
  const [top] = known;
  return top !== undefined && used === hashes.length && equalBytes(top.hash, claim.root);
}

/** The other child of the same parent. Arithmetic, because `^` works on 32 bits only. */
function siblingOf(index: number): number {
  return index % 2 === 0 ? index + 1 : index - 1;
}

function areIndexes(size: number, indexes: readonly number[]): boolean {
  return (
    Number.isSafeInteger(size) &&
    size >= 0 &&
    indexes.every((index, i) => Number.isSafeInteger(index) && index < size && index > (indexes[i - 1] ?? -1))
  );
}
