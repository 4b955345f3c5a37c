import {
  appendLeaves,
  decodeEdge,
  edgeRoot,
  edgeSize,
  emptyEdge,
  emptyRoot,
  encodeEdge,
  equalBytes,
  newTiles,
  nodeHash,
  partialTile,
  proveConsistency,
  proveInclusion,
  tileHashReader,
  tilePath,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
  AssayError,
  type Edge,
  type HashReader,
  type Sha256,
} from "@assay/core";
import type { Case, Context } from "../context.ts";
import { equal, fail, ok, refuses, refusesLater } from "../expect.ts";
import { createNaiveTree, type NaiveTree } from "../naive-tree.ts";
import { cheapLeaves, createSequence } from "../synthetic.ts";

/** Edge, root, tiles and some proofs of one size, against the reference. */
async function checkSize(
  context: Context,
  tree: NaiveTree,
  leaves: readonly Uint8Array[],
  edge: Edge,
  samples: { readonly indexes: readonly number[]; readonly olds: readonly number[] },
): Promise<void> {
  const { sha256 } = context;
  const size = edgeSize(edge);
  const root = tree.root(0, size);
  ok(equalBytes(edgeRoot(sha256, edge), root), `the edge's root of ${size} is wrong`);
  edge.levels.forEach((hashes, level) => {
    const count = Math.floor(size / 256 ** level);
    const width = count % 256;
    const index = Math.floor(count / 256);
    const expected = width === 0 ? [] : tree.tile({ kind: "hash", level, index, width });
    ok(
      equalBytes(partialTile(edge, level), Uint8Array.from(expected)),
      `the partial tile of level ${level} at ${size} is wrong`,
    );
    equal(hashes.length, 32 * width);
  });
  // Partial tiles of even width are gone, as after a clean-up: the reader must use the full ones.
  const reader = tileHashReader(sha256, size, async (tile) => {
    const whole = (tile.index + 1) * 256 ** (tile.level + 1);
    if (tile.width < 256 && tile.width % 2 === 0 && whole <= leaves.length) return undefined;
    return tree.tile(tile);
  });
  if (size < 300 || size % 256 < 3 || size % 7 === 0) {
    ok(equalBytes(await treeRoot(sha256, size, reader), root), `the root of ${size} from tiles`);
  }
  for (const index of samples.indexes) {
    const proof = await proveInclusion(sha256, size, index, reader);
    equal(proof, tree.inclusion(index, 0, size), `inclusion of ${index} in ${size}`);
    checkInclusion(sha256, { size, root, index, leafHash: leaves[index] ?? fail("leaf"), proof });
  }
  for (const oldSize of samples.olds) {
    const proof = await proveConsistency(sha256, oldSize, size, reader);
    equal(proof, tree.consistency(oldSize, size), `consistency of ${oldSize} and ${size}`);
    const oldRoot = tree.root(0, oldSize);
    checkConsistency(sha256, { oldSize, oldRoot, newSize: size, newRoot: root, proof });
  }
}

function checkInclusion(sha256: Sha256, claim: Parameters<typeof verifyInclusion>[1]): void {
  const what = `inclusion of ${claim.index} in ${claim.size}`;
  const other = sha256(claim.root);
  ok(verifyInclusion(sha256, claim), `${what} was refused`);
  ok(!verifyInclusion(sha256, { ...claim, root: other }), `${what}: another root passed`);
  ok(!verifyInclusion(sha256, { ...claim, leafHash: other }), `${what}: another leaf passed`);
  const longer = [...claim.proof, other];
  ok(!verifyInclusion(sha256, { ...claim, proof: longer }), `${what}: a longer proof passed`);
  ok(!verifyInclusion(sha256, { ...claim, index: claim.size }), `${what}: index = size passed`);
  if (claim.proof.length > 0) {
    const shorter = claim.proof.slice(1);
    ok(!verifyInclusion(sha256, { ...claim, proof: shorter }), `${what}: a shorter proof passed`);
    const changed = [other, ...shorter];
    ok(!verifyInclusion(sha256, { ...claim, proof: changed }), `${what}: a changed proof passed`);
    const moved = claim.index === 0 ? 1 : claim.index - 1;
    ok(!verifyInclusion(sha256, { ...claim, index: moved }), `${what}: another index passed`);
  }
}

function checkConsistency(sha256: Sha256, claim: Parameters<typeof verifyConsistency>[1]): void {
  const what = `consistency of ${claim.oldSize} and ${claim.newSize}`;
  const other = sha256(claim.newRoot);
  ok(verifyConsistency(sha256, claim), `${what} was refused`);
  ok(!verifyConsistency(sha256, { ...claim, oldRoot: other }), `${what}: another old root passed`);
  ok(!verifyConsistency(sha256, { ...claim, newRoot: other }), `${what}: another root passed`);
  const longer = [...claim.proof, other];
  ok(!verifyConsistency(sha256, { ...claim, proof: longer }), `${what}: a longer proof passed`);
  if (claim.proof.length > 0) {
    const shorter = claim.proof.slice(1);
    ok(!verifyConsistency(sha256, { ...claim, proof: shorter }), `${what}: a shorter one passed`);
    const changed = [...claim.proof.slice(0, -1), other];
    ok(!verifyConsistency(sha256, { ...claim, proof: changed }), `${what}: a changed one passed`);
  }
}

/** A tree in which every leaf has the same hash: any size costs nothing. */
function uniformTree(sha256: Sha256): { hashes: Uint8Array[]; reader: (size: number) => HashReader } {
  const hashes = [sha256(Uint8Array.of(1))];
  for (let level = 0; level < 53; level++) {
    const hash = hashes[level] ?? fail("level");
    hashes.push(nodeHash(sha256, hash, hash));
  }
  const reader = (size: number): HashReader =>
    tileHashReader(sha256, size, async ({ level, width }) => {
      const bytes = new Uint8Array(width * 32);
      for (let i = 0; i < width; i++) bytes.set(hashes[8 * level] ?? fail("level"), i * 32);
      return bytes;
    });
  return { hashes, reader };
}

/** Root of a uniform tree: its complete subtrees, smallest first, each on the left of what is there. */
function uniformRoot(sha256: Sha256, hashes: readonly Uint8Array[], size: number): Uint8Array {
  let root: Uint8Array | undefined;
  let rest = size;
  for (let level = 0; rest > 0; level++) {
    if (rest % 2 === 1) {
      const left = hashes[level] ?? fail("level");
      root = root === undefined ? left : nodeHash(sha256, left, root);
    }
    rest = Math.floor(rest / 2);
  }
  return root ?? fail("size 0");
}

/** Cases about tree sizes. */
export const sizeCases: readonly Case[] = [
  {
    name: "every tree size has the root, tiles and proofs of the naive reference",
    run: async (context) => {
      const leaves = cheapLeaves(context.sha256, context.everySizeTo);
      const tree = createNaiveTree(context.sha256, leaves);
      const random = createSequence(1);
      let edge = emptyEdge();
      equal(edgeRoot(context.sha256, edge), emptyRoot(context.sha256));
      for (const [i, leaf] of leaves.entries()) {
        const appended = appendLeaves(context.sha256, edge, [leaf]);
        edge = appended.edge;
        for (const { level, index, bytes } of appended.fullTiles) {
          ok(
            equalBytes(bytes, tree.tile({ kind: "hash", level, index, width: 256 })),
            `the full tile ${level}/${index} is wrong`,
          );
        }
        const expected = [...newTiles(i, i + 1)].filter((tile) => tile.width === 256);
        const full = appended.fullTiles.map(({ level, index }) => ({ level, index, width: 256 }));
        equal(
          full.map((tile) => tilePath({ kind: "hash", ...tile })),
          expected.map(tilePath),
        );
        const size = i + 1;
        const all = leaves.slice(0, size).map((_, n) => n);
        const sampled = size < 300 || size % 256 < 3 || size % 5 === 0;
        await checkSize(context, tree, leaves, edge, {
          indexes: size < 40 ? all : sampled ? [size % 2 === 0 ? i : random(size)] : [],
          olds: size < 40 ? all.map((n) => n + 1) : sampled ? [1 + random(size)] : [],
        });
      }
    },
  },
  {
    name: "sizes 65,535 to 65,793 and 70,123 have the root, tiles and proofs of the naive reference",
    run: async (context) => {
      const leaves = cheapLeaves(context.sha256, 70_123);
      const tree = createNaiveTree(context.sha256, leaves);
      const random = createSequence(2);
      let edge = appendLeaves(context.sha256, emptyEdge(), leaves.slice(0, 65_534)).edge;
      for (let size = 65_535; size <= 65_793; size++) {
        edge = appendLeaves(context.sha256, edge, leaves.slice(size - 1, size)).edge;
        const indexes = size % 2 === 0 ? [random(size)] : [size - 1];
        const olds = size % 2 === 0 ? [1 + random(size)] : [Math.min(size, 65_536)];
        await checkSize(context, tree, leaves, edge, { indexes, olds });
      }
      edge = appendLeaves(context.sha256, edge, leaves.slice(65_793)).edge;
      equal(edgeSize(edge), 70_123);
      await checkSize(context, tree, leaves, edge, {
        indexes: [0, 65_535, 65_536, 70_122, random(70_123)],
        olds: [1, 769, 65_536, 70_122, 70_123],
      });
    },
  },
  {
    name: "sizes around 2^24, 2^31, 2^32, 2^40 and 2^53 work without 32-bit arithmetic",
    run: async ({ sha256 }) => {
      const { hashes, reader } = uniformTree(sha256);
      const sizes = [24, 31, 32, 40].flatMap((bits) => [-1, 0, 1, 769].map((by) => 2 ** bits + by));
      for (const size of [...sizes, Number.MAX_SAFE_INTEGER]) {
        const root = uniformRoot(sha256, hashes, size);
        const read = reader(size);
        ok(equalBytes(await treeRoot(sha256, size, read), root), `the root of ${size}`);
        for (const index of [0, 2 ** 23, size - 1]) {
          const proof = await proveInclusion(sha256, size, index, read);
          const leafHash = hashes[0] ?? fail("leaf");
          const claim = { size, root, index, leafHash, proof };
          ok(verifyInclusion(sha256, claim), `inclusion of ${index} in ${size} was refused`);
          const changed = { ...claim, leafHash: root };
          ok(!verifyInclusion(sha256, changed), `another leaf passed at ${index} in ${size}`);
        }
        for (const oldSize of [1, 2 ** 24 - 1, size - 1]) {
          const proof = await proveConsistency(sha256, oldSize, size, read);
          const oldRoot = uniformRoot(sha256, hashes, oldSize);
          checkConsistency(sha256, { oldSize, oldRoot, newSize: size, newRoot: root, proof });
        }
      }
    },
  },
  {
    name: "an edge grows over 2^24 leaves and completes a tile on every level",
    run: ({ sha256 }) => {
      const { hashes } = uniformTree(sha256);
      const leaf = hashes[0] ?? fail("leaf");
      const levels = [0, 1, 2].map((level) => {
        const bytes = new Uint8Array(255 * 32);
        for (let i = 0; i < 255; i++) bytes.set(hashes[8 * level] ?? fail("level"), i * 32);
        return bytes;
      });
      const before: Edge = { size: 2 ** 24 - 1, levels };
      ok(equalBytes(edgeRoot(sha256, before), uniformRoot(sha256, hashes, before.size)), "the root below 2^24");
      const at = appendLeaves(sha256, before, [leaf]);
      equal(
        at.fullTiles.map(({ level, index }) => [level, index]),
        [
          [0, 65_535],
          [1, 255],
          [2, 0],
        ],
      );
      equal(edgeRoot(sha256, at.edge), hashes[24]);
      const after = appendLeaves(sha256, at.edge, [leaf]).edge;
      ok(equalBytes(edgeRoot(sha256, after), uniformRoot(sha256, hashes, 2 ** 24 + 1)), "the root above 2^24");
      equal(decodeEdge(encodeEdge(after)), after);
      equal(edgeSize(before), 2 ** 24 - 1, "the edge that was appended to");
    },
  },
  {
    name: "requests outside the tree and malformed edges and tiles are refused",
    run: async ({ sha256 }) => {
      const { reader } = uniformTree(sha256);
      const root = new Uint8Array(32);
      for (const index of [-1, 5, 1.5, Number.NaN]) {
        await refusesLater(`index ${index} of 5`, async () => await proveInclusion(sha256, 5, index, reader(5)));
        const claim = { size: 5, root, index, leafHash: root, proof: [] };
        ok(!verifyInclusion(sha256, claim), `index ${index} of 5 passed`);
      }
      for (const old of [-1, 6, 0.5, Number.NaN]) {
        await refusesLater(`old size ${old} of 5`, async () => await proveConsistency(sha256, old, 5, reader(5)));
      }
      const empty = emptyRoot(sha256);
      const whole = { oldSize: 0, oldRoot: empty, newSize: 5, newRoot: root, proof: [] };
      ok(verifyConsistency(sha256, whole), "the empty tree is a prefix");
      ok(!verifyConsistency(sha256, { ...whole, oldRoot: root }), "a false empty root passed");
      ok(!verifyConsistency(sha256, { ...whole, oldSize: 6 }), "a shrinking tree passed");
      const same = { oldSize: 5, oldRoot: empty, newSize: 5, newRoot: root, proof: [] };
      ok(!verifyConsistency(sha256, same), "two roots of one size passed");

      const read = reader(300);
      await refusesLater("a node that is not complete", async () => await read([{ level: 9, index: 0 }]));
      await refusesLater("a node past the edge", async () => await read([{ level: 8, index: 1 }]));
      const short = tileHashReader(sha256, 300, async () => new Uint8Array(31));
      await refusesLater("a short tile", async () => await short([{ level: 0, index: 0 }]));
      const gone = tileHashReader(sha256, 300, async () => undefined);
      await refusesLater("a tile that is gone", async () => await gone([{ level: 0, index: 0 }]), "NOT_FOUND");
      let asked = 0;
      const failing = tileHashReader(sha256, 300, async () => {
        asked += 1;
        throw new AssayError("NOT_READY", { reason: "down", retryAfterSeconds: 1 });
      });
      await refusesLater("a failing fetch", async () => await failing([{ level: 0, index: 299 }]), "NOT_READY");
      equal(asked, 1, "only a tile that is gone is looked for in its full form");

      for (const answer of [[], [root, root], [new Uint8Array(31)]]) {
        await refusesLater(
          "a reader that answers otherwise",
          async () => await treeRoot(sha256, 1, async () => answer),
        );
      }
      await refusesLater("a size below 0", async () => await treeRoot(sha256, -1, read));

      const edge = appendLeaves(sha256, emptyEdge(), [root, root, root]).edge;
      const bytes = encodeEdge(edge);
      refuses("an edge cut off", () => decodeEdge(bytes.subarray(0, -1)));
      refuses("an edge without size", () => decodeEdge(bytes.subarray(0, 7)));
      refuses("an edge with more", () => decodeEdge(Uint8Array.from([...bytes, 0])));
      refuses("an edge of 2^53", () => decodeEdge(Uint8Array.of(0, 32, 0, 0, 0, 0, 0, 0)));
      refuses("a leaf of 31 bytes", () => appendLeaves(sha256, edge, [new Uint8Array(31)]));
      const huge = { size: Number.MAX_SAFE_INTEGER, levels: [] };
      refuses("2^53 leaves", () => appendLeaves(sha256, huge, [root]));
    },
  },
];
