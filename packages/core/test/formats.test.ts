import { deepEqual, equal, ok } from "node:assert/strict";
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  bundleDocument,
  cosignatureTime,
  encodeUtf8,
  formatAddCheckpoint,
  formatCheckpoint,
  formatFork,
  formatPolicy,
  formatRecord,
  formatTlogProof,
  judgeQuorum,
  leafHash,
  manifestDigest,
  manifestFragmentText,
  newTiles,
  openNote,
  parseAddCheckpoint,
  parseBundle,
  parseCheckpoint,
  parseIntegrity,
  parseJson,
  parsePackageName,
  parseFork,
  parsePolicy,
  parseRecord,
  parseRegistryPublicKey,
  parseTilePath,
  parseTlogProof,
  parseVersion,
  registryKeyId,
  registrySignatureMessage,
  recordFields,
  tilePath,
  treeDigest,
  verifier,
  verifyFork,
  verifyInclusion,
  verifyMany,
  verifyRegistrySignature,
  type Checkpoint,
  type NoteVerifier,
  type Sha256,
} from "@assay/core";

/** The examples in docs/formats/ are one small log; this test keeps them true. */
const folder = new URL("../../../docs/formats/", import.meta.url);
const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

function page(name: string): string {
  return readFileSync(new URL(name, folder), "utf8");
}

/** The fenced blocks of a page, in order, each with its final line feed. */
function examples(name: string): string[] {
  return [...page(name).matchAll(/^```\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
}

async function exampleKey(): Promise<NoteVerifier> {
  return await verifier(examples("signed-note.md")[0]?.trimEnd() ?? "");
}

async function open(note: string): Promise<Checkpoint> {
  return parseCheckpoint((await openNote(note, [await exampleKey()])).text);
}

test("docs/formats/signed-note.md and checkpoint.md show a note that opens", async () => {
  const [, note = ""] = examples("signed-note.md");
  const [text = ""] = examples("checkpoint.md");
  const checkpoint = await open(note);
  equal(formatCheckpoint(checkpoint), text);
  equal(checkpoint.origin, (await exampleKey()).name);
});

test("docs/formats/record.md shows a record of each kind", () => {
  const records = examples("record.md").map((text) => {
    const record = parseRecord(text);
    ok(record.kind !== "unknown");
    equal(formatRecord(record), text);
    return record;
  });
  deepEqual(records.map((record) => record.kind).toSorted(), Object.keys(recordFields).toSorted());
});

test("docs/formats/manifest-digest.md shows a manifest, its fragment and its digest", () => {
  const [manifest = "", fragment = "", digest = ""] = examples("manifest-digest.md");
  const { value } = parseJson(manifest);
  ok(typeof value === "object" && value !== null);
  equal(`${manifestFragmentText(value)}\n`, fragment);
  equal(`${manifestDigest(sha256, manifestFragmentText(value))}\n`, digest);
});

test("docs/formats/tree-digest.md shows lines and their digest", () => {
  const [lines = "", digest = ""] = examples("tree-digest.md");
  const files = [...lines.matchAll(/^([fx]) ([0-9a-f]{64}) (.+)$/gm)].map((match) => ({
    path: encodeUtf8(match[3] ?? ""),
    executable: match[1] === "x",
    sha256Hex: match[2] ?? "",
  }));
  equal(files.length, 3);
  equal(`${treeDigest(sha256, files)}\n`, digest);
});

test("docs/formats/tlog-proof.md shows a proof that verifies", async () => {
  const [file = ""] = examples("tlog-proof.md");
  const { extra = new Uint8Array(0), index, proof, checkpoint } = parseTlogProof(file);
  equal(formatTlogProof({ extra, index, proof, checkpoint }), file);
  const { size, root } = await open(checkpoint);
  const leaf = leafHash(sha256, extra);
  ok(verifyInclusion(sha256, { size, root, index, leafHash: leaf, proof }));
  deepEqual(extra, encodeUtf8(examples("record.md")[0] ?? ""));
});

test("docs/formats/bundle.md shows a bundle that verifies", async () => {
  const [json = ""] = examples("bundle.md");
  const bundle = parseBundle(parseJson(json).value);
  equal(`${JSON.stringify(bundleDocument(bundle), null, 2)}\n`, json);
  equal(bundle.bundles.length, 1);
  for (const { checkpoint, records, hashes } of bundle.bundles) {
    const { size, root } = await open(checkpoint);
    const leaves = records.map(({ index, text }) => ({
      index,
      leafHash: leafHash(sha256, encodeUtf8(text)),
    }));
    ok(verifyMany(sha256, { size, root, leaves, hashes }));
  }
});

test("docs/formats/cosignature.md shows a key and a note that it cosigned", async () => {
  const [vkey = "", note = ""] = examples("cosignature.md");
  const { verified } = await openNote(note, [await verifier(vkey.trimEnd())]);
  equal(cosignatureTime(verified[0]?.signature ?? new Uint8Array(0)), 1_700_000_001);
});

test("docs/formats/witness-policy.md shows a policy in its written form", () => {
  const [text = ""] = examples("witness-policy.md");
  const policy = parsePolicy(text);
  equal(formatPolicy(policy), text);
  equal(judgeQuorum(policy, new Set(["one", "three"])).met, true);
  equal(judgeQuorum(policy, new Set(["one"])).met, false);
});

test("docs/formats/witness-protocol.md shows a request that is read", () => {
  const [body = ""] = examples("witness-protocol.md");
  const request = parseAddCheckpoint(body);
  equal(formatAddCheckpoint(request), body);
  equal(request.oldSize, 1000);
});

test("docs/formats/gossip.md shows a fork that its key cannot deny", async () => {
  const [vkey = "", json = ""] = examples("gossip.md");
  const fork = parseFork(json);
  equal(formatFork(fork), json);
  ok(await verifyFork(sha256, fork, await verifier(vkey.trimEnd())));
});

test("docs/formats/tiles.md shows paths that are tiles", () => {
  const paths = [...page("tiles.md").matchAll(/`(tile\/[^`]+)`/g)].map((match) => match[1] ?? "");
  ok(paths.length >= 8);
  for (const path of paths) ok(parseTilePath(path) !== undefined, path);
  deepEqual([...newTiles(250, 520)].map(tilePath), paths.slice(-4));
  equal(parseTilePath("tile/entries/x070/000")?.index, 70_000);
});

test("docs/formats/registry-signature.md shows a signature that verifies", async () => {
  const [message = "", sig = "", key = "", keyid = ""] = (examples("registry-signature.md")[0] ?? "").split("\n");
  const publicKey = parseRegistryPublicKey(key);
  equal(registryKeyId(publicKey), keyid);
  const release = {
    name: parsePackageName("abbrev"),
    version: parseVersion("2.0.0"),
    integrity: parseIntegrity(message.slice("abbrev@2.0.0:".length)),
  };
  equal(registrySignatureMessage(release), message);
  const trusted = { keyid, publicKey, expiresMs: undefined };
  equal(await verifyRegistrySignature(release, { keyid, sig }, trusted, undefined), "good");
});
