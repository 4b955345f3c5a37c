import { equalBytes, proveInclusion, proveMany, tileHashReader, verifyMany, type ManyClaim } from "@assay/core";
import type { Case } from "../context.ts";
import { equal, fail, ok, refusesLater } from "../expect.ts";
import { createNaiveTree } from "../naive-tree.ts";
import { cheapLeaves, createSequence } from "../synthetic.ts";

/** Cases about proofs of many leaves at once. */
export const manyCases: readonly Case[] = [
  {
    name: "500 random multiproofs verify, and every tampered one is refused",
    run: async ({ sha256 }) => {
      const leaves = cheapLeaves(sha256, 3000);
      const tree = createNaiveTree(sha256, leaves);
      const random = createSequence(3);
      let tampered = 0;
      for (let round = 0; round < 500; round++) {
        const size = 1 + random(round % 4 === 0 ? 3000 : 40);
        const wanted = 1 + random(Math.min(size, 30));
        const indexes = [...new Set(Array.from({ length: wanted }, () => random(size)))].toSorted((a, b) => a - b);
        const reader = tileHashReader(sha256, size, async (tile) => tree.tile(tile));
        const hashes = await proveMany(sha256, size, indexes, reader);
        const claim: ManyClaim = {
          size,
          root: tree.root(0, size),
          leaves: indexes.map((index) => ({ index, leafHash: leaves[index] ?? fail("leaf") })),
          hashes,
        };
        ok(verifyMany(sha256, claim), `${indexes.join()} of ${size} was refused`);
        if (indexes.length === 1) {
          const single = await proveInclusion(sha256, size, indexes[0] ?? 0, reader);
          equal(hashes, single, "a multiproof of one is its inclusion proof");
        }
        for (const [what, changed] of tamper(claim, sha256(claim.root), random)) {
          tampered += 1;
          ok(!verifyMany(sha256, changed), `${what} passed: ${indexes.join()} of ${size}`);
        }
      }
      ok(tampered > 2000, "too few tampered proofs were tried");
    },
  },
  {
    name: "a multiproof of all leaves needs no hashes",
    run: async ({ sha256 }) => {
      for (const size of [1, 2, 3, 7, 8, 255, 256, 257, 769]) {
        const leaves = cheapLeaves(sha256, size);
        const tree = createNaiveTree(sha256, leaves);
        const indexes = leaves.map((_, i) => i);
        const reader = tileHashReader(sha256, size, async (tile) => tree.tile(tile));
        equal(await proveMany(sha256, size, indexes, reader), []);
        const claimed = leaves.map((leafHash, index) => ({ index, leafHash }));
        const claim = { size, root: tree.root(0, size), leaves: claimed, hashes: [] };
        ok(verifyMany(sha256, claim), `all of ${size} was refused`);
      }
    },
  },
  {
    name: "multiproof requests with repeated, unsorted or outside indexes are refused",
    run: async ({ sha256 }) => {
      const leaves = cheapLeaves(sha256, 5);
      const tree = createNaiveTree(sha256, leaves);
      const reader = tileHashReader(sha256, 5, async (tile) => tree.tile(tile));
      for (const indexes of [[1, 1], [2, 1], [5], [-1], [0.5], [Number.NaN]]) {
        await refusesLater(indexes.join(), async () => await proveMany(sha256, 5, indexes, reader));
        const claimed = indexes.map((index) => ({ index, leafHash: leaves[1] ?? fail("leaf") }));
        const claim = { size: 5, root: tree.root(0, 5), leaves: claimed, hashes: [] };
        ok(!verifyMany(sha256, claim), `${indexes.join()} passed`);
      }
      const none = { size: 5, root: tree.root(0, 5), leaves: [], hashes: [] };
      ok(!verifyMany(sha256, none), "a proof of nothing passed");
      const own = { size: 1, root: tree.root(0, 1), hashes: [] };
      const leaf = { index: 0, leafHash: leaves[0] ?? fail("leaf") };
      ok(verifyMany(sha256, { ...own, leaves: [leaf] }), "the only leaf");
      ok(!verifyMany(sha256, { ...own, size: Number.NaN, leaves: [leaf] }), "size NaN passed");
    },
  },
];

function tamper(claim: ManyClaim, other: Uint8Array, random: (below: number) => number): [string, ManyClaim][] {
  const at = random(claim.leaves.length);
  const leaves = claim.leaves.map((leaf, i) => (i === at ? { ...leaf, leafHash: other } : leaf));
  const changes: [string, ManyClaim][] = [
    ["another leaf", { ...claim, leaves }],
    ["another root", { ...claim, root: other }],
    ["a hash too many", { ...claim, hashes: [...claim.hashes, other] }],
  ];
  if (claim.hashes.length > 0) {
    const changed = claim.hashes.with(random(claim.hashes.length), other);
    changes.push(["a hash too few", { ...claim, hashes: claim.hashes.slice(1) }]);
    changes.push(["a changed hash", { ...claim, hashes: changed }]);
  }
  const free = Array.from({ length: claim.size }, (_, i) => i).filter(
    (index) => !claim.leaves.some((leaf) => leaf.index === index),
  );
  const [first, ...rest] = claim.leaves;
  const target = free[random(free.length)];
  if (first !== undefined && target !== undefined && !equalBytes(first.leafHash, other)) {
    const moved = [{ ...first, index: target }, ...rest].toSorted((a, b) => a.index - b.index);
    changes.push(["a moved leaf", { ...claim, leaves: moved }]);
  }
  return changes;
}
