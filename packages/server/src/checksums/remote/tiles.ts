import { encodeEntries, hashLength, levelSize, tileAt, tileWidth, type Edge } from "@assay/core";
import type { ProvenTree } from "@assay/verify";
import type { PublishedHead } from "../published.ts";
import type { Tiles, TreeView } from "../tiles.ts";

/** The trees of a followed log as the readers of this room take them. */
export interface RemoteTiles extends Pick<Tiles, "read" | "hashReader"> {
  /** The head of a proven tree, for readers; its tiles are read through the tree when they are wanted. */
  headOf(tree: ProvenTree): PublishedHead;
}

/** `reporting` wraps every read, so that what is found wrong is kept. */
export function createRemoteTiles(reporting: <T>(work: () => Promise<T>) => Promise<T>): RemoteTiles {
  // A reader keeps the head that it started with: its edge, empty here, leads to the tree.
  const trees = new WeakMap<Edge, ProvenTree>();

  function treeOf({ edge, shard }: TreeView): ProvenTree {
    const tree = trees.get(edge);
    if (tree === undefined) throw new Error(`a head of ${shard} that no followed log has`);
    return tree;
  }

  return {
    headOf(tree) {
      const { note, checkpoint } = tree.signed;
      const { size, root } = checkpoint;
      const edge: Edge = { size, levels: [] };
      trees.set(edge, tree);
      return { size, root, edge, note };
    },

    hashReader: (view) => (nodes) => reporting(() => treeOf(view).hashes(nodes)),

    async read(view, tile) {
      if (tile.width > levelSize(view.size, tile.level) - tile.index * tileWidth) return undefined;
      const tree = treeOf(view);
      if (tile.kind === "entries") {
        const entries = await reporting(() => tree.readEntries(tile.index));
        return encodeEntries(entries.slice(0, tile.width));
      }
      const whole = tileAt(view.size, "hash", tile.level, tile.index * tileWidth);
      const bytes = await reporting(() => tree.readTile(whole));
      return bytes.slice(0, tile.width * hashLength);
    },
  };
}
