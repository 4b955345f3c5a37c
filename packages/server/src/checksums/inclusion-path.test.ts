import assert from "node:assert/strict";
import { test } from "node:test";
import {
  appendLeaves,
  edgeRoot,
  emptyEdge,
  equalBytes,
  foldSubtrees,
  parseTilePath,
  verifyInclusion,
} from "@assay/core";
import type { HashReader } from "@assay/core";
import { pathToRoot } from "./inclusion-path.ts";
import { recordHash, sha256 } from "./tile-rows.ts";

const leaves = Array.from({ length: 600 }, (_, n) => recordHash(`record ${n}`));
const reader: HashReader = async (nodes) =>
  nodes.map(({ level, index }) => {
    const below = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level);
    return foldPairs(below);
  });

function foldPairs(hashes: readonly Uint8Array[]): Uint8Array {
  let row = [...hashes];
  while (row.length > 1)
    row = row.flatMap((left, at) => (at % 2 === 0 ? [foldSubtrees(sha256, [left, row[at + 1] ?? left])] : []));
  return row[0] ?? new Uint8Array();
}

function treeOf(size: number) {
  const { edge } = appendLeaves(sha256, emptyEdge(), leaves.slice(0, size));
  return { size, root: edgeRoot(sha256, edge) };
}

test("the steps cover every other entry once, each parent follows, and the hashes are a proof", async () => {
  for (const size of [1, 2, 3, 7, 8, 255, 256, 257, 600]) {
    const tree = treeOf(size);
    for (const index of new Set([0, 1, Math.floor(size / 2), size - 2, size - 1])) {
      if (index < 0 || index >= size) continue;
      const leafHash = leaves[index] ?? new Uint8Array();
      const steps = await pathToRoot(tree, { index, leafHash }, reader);
      const proof = steps.map(({ hash }) => hash);
      assert.ok(verifyInclusion(sha256, { ...tree, index, leafHash, proof }), `${index} of ${size}`);
      let [from, to] = [index, index + 1];
      for (const step of steps) {
        if (step.side === "left") {
          assert.equal(step.to, from);
          ({ from } = step);
        } else {
          assert.equal(step.from, to);
          ({ to } = step);
        }
      }
      assert.deepEqual([from, to], [0, size]);
      assert.ok(equalBytes(steps.at(-1)?.parent ?? leafHash, tree.root));
    }
  }
});

test("every tile that a step names is one of the tree and holds the hash or what it is folded from", async () => {
  const steps = await pathToRoot(treeOf(600), { index: 3, leafHash: leaves[3] ?? new Uint8Array() }, reader);
  const tiles = steps.map(({ tiles: paths }) => paths);
  assert.deepEqual(
    tiles.slice(0, 8),
    Array.from({ length: 8 }, () => ["tile/0/000"]),
  );
  assert.deepEqual(tiles[8], ["tile/1/000.p/2"]);
  assert.deepEqual(tiles[9], ["tile/0/002.p/88"]);
  for (const path of tiles.flat()) assert.ok(parseTilePath(path), path);
});

test("a record that does not lead to the root is never shown as if it did", async () => {
  const other = recordHash("something else");
  await assert.rejects(pathToRoot(treeOf(8), { index: 3, leafHash: other }, reader), /does not lead to the root/);
});
