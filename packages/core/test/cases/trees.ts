import {
  decodeEntries,
  emptyRoot,
  encodeEntries,
  encodeUtf8,
  formatCheckpoint,
  formatTlogProof,
  fromBase64,
  fromHex,
  leafHash,
  newTiles,
  openNote,
  parseCheckpoint,
  parseTilePath,
  parseTlogProof,
  proveConsistency,
  proveInclusion,
  tileHashReader,
  tilePath,
  tilesAt,
  toBase64,
  toHex,
  treeRoot,
  verifier,
  verifyConsistency,
  verifyInclusion,
  type HashReader,
} from "@assay/core";
import type { Case, Context, TreeVector } from "../context.ts";
import { equal, fail, ok, refuses } from "../expect.ts";
import { createNaiveTree, type NaiveTree } from "../naive-tree.ts";
import { syntheticEntry, syntheticLeaves } from "../synthetic.ts";

function readerOf(context: Context, tree: NaiveTree, size: number): HashReader {
  return tileHashReader(context.sha256, size, async (tile) => tree.tile(tile));
}

async function checkTree(context: Context, tree: NaiveTree, vector: TreeVector): Promise<void> {
  const { sha256 } = context;
  const { size } = vector;
  const reader = readerOf(context, tree, size);
  const root = fromBase64(vector.root);
  equal(toBase64(await treeRoot(sha256, size, reader)), vector.root, `root of ${size}`);
  for (const { index, leafHash: leaf, proof } of vector.inclusion) {
    const proven = await proveInclusion(sha256, size, index, reader);
    equal(proven.map(toBase64), proof, `inclusion of ${index} in ${size}`);
    const claim = { size, root, index, leafHash: fromBase64(leaf), proof: proven };
    ok(verifyInclusion(sha256, claim), `inclusion of ${index} in ${size} was refused`);
    const wrong = { ...claim, leafHash: root };
    ok(size === 1 || !verifyInclusion(sha256, wrong), `a wrong leaf passed in ${size}`);
  }
  for (const { oldSize, oldRoot, proof } of vector.consistency) {
    const proven = await proveConsistency(sha256, oldSize, size, reader);
    equal(proven.map(toBase64), proof, `consistency of ${oldSize} and ${size}`);
    const claim = {
      oldSize,
      oldRoot: fromBase64(oldRoot),
      newSize: size,
      newRoot: root,
      proof: proven,
    };
    ok(verifyConsistency(sha256, claim), `consistency of ${oldSize} and ${size} was refused`);
    ok(!verifyConsistency(sha256, { ...claim, newRoot: claim.oldRoot }) || oldSize === size, "root");
  }
}

/** Cases about tree, tile and proof vectors. */
export const treeCases: readonly Case[] = [
  {
    name: "the RFC 6962 example trees, their proofs and leaf hashes are as the vectors say",
    run: async (context) => {
      const { leaves, trees } = context.vectors.tlog.rfc6962;
      const hashes = leaves.map(({ hex }) => leafHash(context.sha256, fromHex(hex)));
      equal(
        hashes.map(toBase64),
        leaves.map((leaf) => leaf.leafHash),
      );
      equal(toBase64(emptyRoot(context.sha256)), context.vectors.tlog.emptyRoot);
      const tree = createNaiveTree(context.sha256, hashes);
      for (const vector of trees) await checkTree(context, tree, vector);
    },
  },
  {
    name: "the synthetic log of 70,000 entries, its proofs, tiles, lookup, proof file and witness call verify",
    run: async (context) => {
      const { sha256 } = context;
      const { synthetic, lookup, tlogProof, witness, keys } = context.vectors.tlog;
      for (const { index, text, leafHash: hash } of synthetic.entries) {
        equal(syntheticEntry(sha256, index), encodeUtf8(text));
        equal(toBase64(leafHash(sha256, encodeUtf8(text))), hash);
      }
      const leaves = syntheticLeaves(sha256, 70_000);
      const tree = createNaiveTree(sha256, leaves);
      for (const vector of synthetic.trees) await checkTree(context, tree, vector);

      for (const { size, tileCount, tiles, bundles } of synthetic.tilesAt) {
        const all = [...tilesAt(size)];
        equal(all.length, tileCount, `number of tiles at ${size}`);
        const known = new Map(all.map((tile) => [tilePath(tile), tile]));
        for (const { c2sp, bytes, sha256: digest } of tiles) {
          const tile = known.get(c2sp) ?? parseTilePath(c2sp) ?? fail(`${c2sp} is not a tile`);
          const content = tree.tile(tile);
          equal(content.length, bytes, c2sp);
          equal(toHex(sha256(content)), digest, c2sp);
        }
        const entryTiles = new Set([...tilesAt(size, "entries")].map(tilePath));
        for (const { c2sp, bytes, sha256: digest } of bundles) {
          ok(entryTiles.has(c2sp), `${c2sp} is missing at ${size}`);
          const tile = parseTilePath(c2sp) ?? fail(`${c2sp} is not a tile`);
          const entries = Array.from({ length: tile.width }, (_, i) => syntheticEntry(sha256, tile.index * 256 + i));
          const content = encodeEntries(entries);
          equal(content.length, bytes, c2sp);
          equal(toHex(sha256(content)), digest, c2sp);
          equal(decodeEntries(content), entries, c2sp);
        }
      }

      const vkeys = keys.map((key) => key.vkey01);
      const log = await verifier(vkeys[0] ?? fail("no key"));
      const [head = "", ...noteParts] = lookup.response.split("\n\n");
      equal(Number(head.slice(0, head.indexOf("\n"))), lookup.index);
      const lookedUp = await openNote(noteParts.join("\n\n"), [log]);
      const at = parseCheckpoint(lookedUp.text);
      const record = encodeUtf8(`${head.slice(head.indexOf("\n") + 1)}\n`);
      const proof = await proveInclusion(sha256, at.size, lookup.index, readerOf(context, tree, at.size));
      const claim = { size: at.size, root: at.root, index: lookup.index, proof };
      const recordHash = leafHash(sha256, record);
      ok(verifyInclusion(sha256, { ...claim, leafHash: recordHash }), "the lookup's record");

      const file = parseTlogProof(tlogProof.proofFile);
      const opened = parseCheckpoint((await openNote(file.checkpoint, [log])).text);
      equal(opened.size, tlogProof.size);
      equal(file.index, tlogProof.index);
      equal(file.extra, encodeUtf8(tlogProof.entry));
      ok(
        verifyInclusion(sha256, {
          size: opened.size,
          root: opened.root,
          index: file.index,
          leafHash: leafHash(sha256, file.extra ?? new Uint8Array(0)),
          proof: file.proof,
        }),
        "the proof file",
      );
      equal(formatTlogProof(file), tlogProof.proofFile);

      equal(toHex(sha256(encodeUtf8(opened.origin))), witness.originHashHex);
      const blank = witness.addCheckpointBody.indexOf("\n\n");
      const [old, ...hashes] = witness.addCheckpointBody.slice(0, blank).split("\n");
      equal(old, `old ${witness.oldSize}`);
      const pending = await openNote(witness.addCheckpointBody.slice(blank + 2), [log]);
      const newer = parseCheckpoint(pending.text);
      equal(formatCheckpoint(newer), pending.text);
      equal(toBase64(newer.root), witness.newRoot);
      const consistency = {
        oldSize: witness.oldSize,
        oldRoot: fromBase64(witness.oldRoot),
        newSize: newer.size,
        newRoot: newer.root,
        proof: hashes.map((hash) => fromBase64(hash)),
      };
      ok(verifyConsistency(sha256, consistency), "the witness call's proof");
    },
  },
  {
    name: "tile paths are written and read as the vectors say, bad ones refused",
    run: ({ vectors }) => {
      for (const { c2sp, n, w } of vectors.tlog.tilePaths.good) {
        const tile = parseTilePath(c2sp);
        equal(tile && { index: tile.index, width: tile.width }, { index: n, width: w }, c2sp);
        equal(tile && tilePath(tile), c2sp);
      }
      const bad = [
        ...vectors.tlog.tilePaths.bad.flatMap(({ path }) => [
          path,
          // The same, as C2SP spells it: without Go's tile height.
          path.replace(/^tile\/(?:8|31)\//, "tile/"),
        ]),
        "",
        "tile",
        "/tile/0/000",
        "tile/0/000/",
        "tile/64/000",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/000.p/1000",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/0/X001/000",
        "tile/entries/000.p/0",
        "tile/data/000",
        "tile/00/000",
        "tile/0/٠٠٠",
        "tile/0/000\n",
        `tile/0/${"x999/".repeat(5)}999`,
      ];
      // "tile/31/0/000" is bad for its Go height only; without it, it names the first tile.
      for (const path of bad.filter((candidate) => candidate !== "tile/0/000")) {
        equal(parseTilePath(path), undefined, path);
      }
      const out = [{ level: 64 }, { level: -1 }, { index: -1 }, { index: 2 ** 53 }, { width: 0 }];
      for (const change of [...out, { width: 257 }, { width: 1.5 }]) {
        refuses(JSON.stringify(change), () => tilePath({ kind: "hash", level: 0, index: 0, width: 256, ...change }));
      }
    },
  },
  {
    name: "the tiles to write between two sizes are as the vectors say",
    run: ({ vectors }) => {
      for (const { old, new: size, write } of vectors.tlog.newTiles) {
        equal([...newTiles(old, size)].map(tilePath), write, `${old} to ${size}`);
      }
      equal([...newTiles(300, 300)], []);
      const bundles = [...newTiles(255, 513, "entries")].map(tilePath);
      equal(bundles, ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/1"]);
    },
  },
  {
    name: "entry bundles are read to the last byte, and refused when cut off or overfull",
    run: () => {
      const full = encodeEntries(Array.from({ length: 256 }, () => Uint8Array.of(7)));
      equal(decodeEntries(full).length, 256);
      const bad: Record<string, Uint8Array> = {
        empty: new Uint8Array(0),
        "half a length": Uint8Array.of(0),
        "an entry cut off": Uint8Array.of(0, 2, 1),
        "a byte too many": Uint8Array.of(0, 1, 1, 0),
        "257 entries": Uint8Array.from([...full, 0, 0]),
      };
      for (const [what, bytes] of Object.entries(bad)) refuses(what, () => decodeEntries(bytes));
      refuses("no entry", () => encodeEntries([]));
      refuses("too long an entry", () => encodeEntries([new Uint8Array(65_536)]));
      equal(decodeEntries(encodeEntries([new Uint8Array(65_535)]))[0]?.length, 65_535);
    },
  },
  {
    name: "a tlog-proof with anything malformed is refused",
    run: ({ vectors }) => {
      const good = vectors.tlog.tlogProof.proofFile;
      const bad: Record<string, string> = {
        "another header": good.replace("@v1", "@v2"),
        "no index": good.replace(/\nindex .*/, ""),
        "a leading zero": good.replace("index 777", "index 0777"),
        "a short hash": good.replace(/\n[^\n]{44}\n\n/, "\nAAAA\n\n"),
        "base64 of extra without padding": good.replace(/(\nextra [^=\n]+)=+\n/, "$1\n"),
        "no checkpoint": good.slice(0, good.indexOf("\n\n") + 2),
        "another field": good.replace("\nindex", "\nnote x\nindex"),
        "64 hashes": good.replace("\n\n", `\n${`${"A".repeat(43)}=\n`.repeat(64)}\n`),
      };
      for (const [what, text] of Object.entries(bad)) refuses(what, () => parseTlogProof(text));
      const { extra: _, ...without } = parseTlogProof(good);
      equal(parseTlogProof(formatTlogProof(without)), without);
      refuses("an extra over 64 KiB", () => formatTlogProof({ ...without, extra: new Uint8Array(65_536) }));
    },
  },
];
