import { equalBytes, inclusionNodes, nodeHash, readGroups, tileAt, tilePath } from "@assay/core";
import type { HashReader, NodeCoordinates } from "@assay/core";
import { sha256 } from "./tile-rows.ts";

/** One step from a leaf to the root: the hash that stands beside the path, and what the two make. */
export interface PathStep {
  /** On which side of the path the hash stands. */
  readonly side: "left" | "right";
  readonly hash: Uint8Array;
  /** The entries below the hash: [from, to). */
  readonly from: number;
  readonly to: number;
  /** Tiles, as paths under the shard, in which the hash stands or from which it is folded. */
  readonly tiles: readonly string[];
  /** `SHA-256(0x01 || left || right)` of the path so far and the hash. */
  readonly parent: Uint8Array;
}

/**
 * The way of entry `index` to the root of a tree of `size`, leaf to root; empty in a tree of one. Every parent is
 * computed, not read. Throws BAD_FORMAT unless 0 <= index < size, and Error when it does not lead to `root`: then the
 * tiles and the head contradict each other.
 */
export async function pathToRoot(
  tree: { readonly size: number; readonly root: Uint8Array },
  entry: { readonly index: number; readonly leafHash: Uint8Array },
  reader: HashReader,
): Promise<readonly PathStep[]> {
  const groups = inclusionNodes(tree.size, entry.index);
  const hashes = await readGroups(sha256, groups, reader);
  let reached = entry.leafHash;
  const steps = groups.map((nodes, step): PathStep => {
    const hash = hashes[step] ?? new Uint8Array();
    const [from, to] = rangeOf(nodes);
    const side = from > entry.index ? "right" : "left";
    reached = side === "right" ? nodeHash(sha256, reached, hash) : nodeHash(sha256, hash, reached);
    return { side, hash, from, to, tiles: tilesOf(tree.size, nodes), parent: reached };
  });
  if (!equalBytes(reached, tree.root))
    throw new Error(`entry ${entry.index} does not lead to the root of the tree of ${tree.size}`);
  return steps;
}

function rangeOf(nodes: readonly NodeCoordinates[]): [from: number, to: number] {
  const first = nodes[0];
  const last = nodes.at(-1);
  if (first === undefined || last === undefined) throw new Error("a step of a path has no nodes");
  return [first.index * 2 ** first.level, (last.index + 1) * 2 ** last.level];
}

/** Tiles hold every eighth level; the levels between are folded from the one below. */
function tilesOf(size: number, nodes: readonly NodeCoordinates[]): readonly string[] {
  const paths = nodes.map(({ level, index }) => {
    const tileLevel = Math.floor(level / 8);
    return tilePath(tileAt(size, "hash", tileLevel, index * 2 ** (level % 8)));
  });
  return [...new Set(paths)];
}
