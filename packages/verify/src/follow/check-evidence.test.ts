import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { bundleDocument, encodeUtf8, formatFork, isAssayError, parseBundle, toBase64 } from "@assay/core";
import { createTinyLog, integrityOf, type TinyLog } from "@assay/testkit/tiny-log";
import { createTinyWitness } from "@assay/testkit/tiny-witness";
import { boundLog, otherSeed, sha256 } from "../../test/checking.ts";
import { checkEvidence, evidenceFormat, parseEvidence, type Evidence, type EvidenceVerdict } from "../index.ts";

/** As a second party does: the document as it came, then the check. */
async function checked(evidence: Readonly<Record<string, string>>): Promise<EvidenceVerdict> {
  const document = { format: evidenceFormat, sentence: "they lied", ...evidence };
  return await checkEvidence({ sha256 }, parseEvidence(encodeUtf8(JSON.stringify(document))));
}

async function fails(evidence: Readonly<Record<string, string>>, reason: RegExp): Promise<void> {
  const verdict = await checked(evidence);
  assert.ok(!verdict.holds, "it must not hold");
  assert.match(verdict.reason, reason);
}

const honest: TinyLog = await boundLog(700);
const { vkey } = honest;
const note = await honest.checkpoint();
const older = await honest.checkpoint(300);
const witness = await createTinyWitness("one.example.com/w", "31".repeat(32));
const policy = `witness one ${witness.vkey}\nquorum one\n`;

test("two checkpoints of one history are no fork, whatever root and proof are claimed", async () => {
  const root = new Uint8Array(32);
  const claimed = formatFork({ smaller: older, larger: note, root, proof: [root, root] });
  await fails({ kind: "fork", vkey, fork: claimed }, /not signed by this key, or do not exclude each other/);
  const forked = honest.fork(100);
  while (forked.size() < 707) forked.bind(`other${forked.size()}`, "1.0.0", integrityOf("other"));
  const larger = await forked.checkpoint();
  const realRoot = Buffer.from(larger.split("\n")[2] ?? "", "base64");
  const real = formatFork({ smaller: note, larger, root: realRoot, proof: [] });
  assert.deepEqual(await checked({ kind: "fork", vkey, fork: real }), { holds: true, convicts: true, kind: "fork" });
  const { vkey: stranger } = await createTinyLog({ seed: otherSeed });
  await fails({ kind: "fork", vkey: stranger, fork: real }, /not signed by this key/);
});

test("a bundle that binds each version once convicts nobody, and a forged one is no evidence", async () => {
  const once = JSON.stringify(await honest.bundle([{ name: "p0", version: "1.0.0" }]));
  await fails({ kind: "bound-twice", vkey, bundle: once }, /no two of its records/);
  const { bundles } = parseBundle(
    await honest.bundle([
      { name: "p0", version: "1.0.0" },
      { name: "filler1", version: "1.0.0" },
    ]),
  );
  const [part] = bundles;
  assert.ok(part);
  const records = part.records.map((record) => ({ ...record, text: part.records[0]?.text ?? "" }));
  const forged = JSON.stringify(bundleDocument({ bundles: [{ ...part, records }], missing: [] }));
  await assert.rejects(checked({ kind: "bound-twice", vkey, bundle: forged }), /does not lead to the root/);
});

test("what is well signed, witnessed, young, larger or authentic is no evidence", async () => {
  const cosigned = await witness.cosign(note, 1_000);
  await fails({ kind: "wrong-signature", vkey, note }, /signed by its key/);
  await fails({ kind: "rolled-back", vkey, shown: note, newest: older }, /not smaller/);
  await fails({ kind: "unwitnessed", vkey, note: cosigned, policy }, /satisfy the policy/);
  const age = { maxAgeSeconds: "100", observedAt: "1100" };
  await fails({ kind: "stalled", vkey, note: cosigned, policy, ...age }, /young enough/);
  const path = "tile/0/001";
  const edge = ["tile/0/002.p/195", "tile/1/000.p/2", path];
  const tiles = edge.map((each) => `${each} ${toBase64(honest.tile(each) ?? new Uint8Array(0))}\n`).join("");
  await fails({ kind: "wrong-tile", vkey, checkpoint: note, path, tiles }, /leads to the signed root/);
  await fails({ kind: "wrong-tile", vkey, checkpoint: note, path: "tile/0/000", tiles }, /do not hold the path/);
  const answer = (await honest.lookup("p0", "1.0.0")) ?? "";
  await fails({ kind: "wrong-answer", vkey, asked: "p0@1.0.0", answer }, /a bind of what was asked/);
  const proof = { checkpoint: note, leafHash: toBase64(new Uint8Array(32)), proof: "" };
  await fails({ kind: "wrong-answer", vkey, asked: "p0@1.0.0", answer, ...proof }, /does not lead to the signed root/);
});

test("tiles that are not all there prove nothing", async () => {
  const path = "tile/0/001";
  const tiles = `${path} ${toBase64(new Uint8Array(8192))}\n`;
  await assert.rejects(checked({ kind: "wrong-tile", vkey, checkpoint: note, path, tiles }), (error) =>
    isAssayError(error, "LOG_UNAVAILABLE"),
  );
});

const malformed: Readonly<Record<string, [Readonly<Record<string, unknown>>, RegExp]>> = {
  "an unknown kind": [{ kind: "gossip" }, /not known here, so nothing follows from it/],
  "another format": [{ format: "assay-evidence/v2" }, /its format is not/],
  "a member too many": [{ kind: "rolled-back", shown: note, newest: note, more: "" }, /has no member "more"/],
  "a member too few": [{ kind: "rolled-back", shown: note }, /member newest is missing/],
  "half of what belongs together": [{ kind: "wrong-answer", asked: "a@1", answer: "", proof: "" }, /belong together/],
  "a number": [{ kind: "rolled-back", shown: note, newest: 1 }, /"newest" is not a string/],
};

for (const [what, [members, reason]] of Object.entries(malformed)) {
  test(`refuses evidence with ${what}`, () => {
    const document: Evidence | Record<string, unknown> = { format: evidenceFormat, vkey, sentence: "", ...members };
    assert.throws(() => parseEvidence(encodeUtf8(JSON.stringify(document))), reason);
  });
}

const vectors = join(import.meta.dirname, "../../../../vectors/evidence");
const vectorsIn = (folder: string): readonly string[] =>
  readdirSync(join(vectors, folder)).map((name) => join(folder, name));

for (const file of vectorsIn("good")) {
  test(`the vector ${file} holds`, async () => {
    const evidence = parseEvidence(readFileSync(join(vectors, file)));
    const kind = evidence["kind"];
    const convicts = kind === "fork" || kind === "bound-twice";
    assert.deepEqual(await checkEvidence({ sha256 }, evidence), { holds: true, convicts, kind });
  });
}

for (const file of vectorsIn("bad")) {
  test(`the vector ${file} does not hold`, async () => {
    const read = (): Evidence => parseEvidence(readFileSync(join(vectors, file)));
    if (file.includes("malformed")) assert.throws(read, (error) => isAssayError(error, "BAD_FORMAT"));
    else assert.equal((await checkEvidence({ sha256 }, read())).holds, false);
  });
}
