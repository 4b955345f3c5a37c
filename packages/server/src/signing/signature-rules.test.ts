import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { integrityFromSha512, parsePackageName, parseVersion, type SignedRelease } from "@assay/core";
import { createRegistrySigner, type RegistrySigner } from "@assay/testkit/registry-signer";
import type { KeyRing, KnownKey } from "./key-ring.ts";
import { foreignOwner, judgeSignatures, refuseKeyids, type SignatureContext } from "./signature-rules.ts";

const release: SignedRelease = {
  name: parsePackageName("left"),
  version: parseVersion("1.0.0"),
  integrity: integrityFromSha512(Buffer.alloc(64, "a")),
};
const ended = Date.UTC(2024, 0);
const published = Date.UTC(2025, 0);

const npm = createRegistrySigner();
const old = createRegistrySigner({ expiresMs: ended });
const other = createRegistrySigner();
const ours = createRegistrySigner();
const nobody = createRegistrySigner();

function ringOf(owners: Readonly<Record<string, readonly RegistrySigner[]>>): KeyRing {
  const keys = Object.entries(owners).flatMap(([owner, signers]) =>
    signers.map(({ key }): KnownKey => ({ ...key, owner, firstSeenMs: 0, end: undefined })),
  );
  return {
    generation: 1,
    find: (owner, keyid) => keys.find((key) => key.owner === owner && key.keyid === keyid),
    ownersOf: (keyid) => keys.filter((key) => key.keyid === keyid).map(({ owner }) => owner),
    list: () => keys,
  };
}

const ring = ringOf({ npm: [npm, old], other: [other], removed: [nobody], hosted: [ours] });
const context = (change: Partial<SignatureContext> = {}): SignatureContext => ({
  ring,
  owner: "npm",
  policy: "prefer",
  registries: ["npm", "other"],
  pinned: undefined,
  ...change,
});

const good = npm.sign(release);
const bad = npm.sign({ ...release, version: "1.0.1" });
const table: readonly [what: string, signatures: unknown, prefer: string, required: string, ignore: string][] = [
  ["the owner's, good", [good], npm.key.keyid, npm.key.keyid, "-"],
  ["the owner's, of another version", [bad], "signature/invalid", "signature/invalid", "-"],
  ["none", undefined, "-", "signature/missing", "-"],
  ["an empty list", [], "-", "signature/missing", "-"],
  ["no list", "x", "-", "signature/missing", "-"],
  ["by a key that nobody has", [createRegistrySigner().sign(release)], "-", "signature/unknown-key", "-"],
  ["by a registry that is not configured any more", [nobody.sign(release)], "-", "signature/unknown-key", "-"],
  ["an unknown one beside the owner's", [nobody.sign(release), good], npm.key.keyid, npm.key.keyid, "-"],
  ["a bad one beside a good one", [good, bad], "signature/invalid", "signature/invalid", "-"],
  ["by a key that had ended", [old.sign(release)], "signature/expired", "signature/expired", "-"],
  ["an ended one beside a good one", [good, old.sign(release)], "signature/expired", "signature/expired", "-"],
  ["another registry's, good", [other.sign(release)], "signature/foreign", "signature/foreign", "signature/foreign"],
  [
    "another registry's keyid with rubbish",
    [{ keyid: other.key.keyid, sig: "x" }],
    "signature/foreign",
    "signature/foreign",
    "signature/foreign",
  ],
  [
    "another registry's behind the owner's",
    [good, other.sign(release)],
    "signature/foreign",
    "signature/foreign",
    "signature/foreign",
  ],
  ["ours, good", [ours.sign(release)], "-", "signature/unknown-key", "-"],
  [
    "ours, of other bytes",
    [{ ...ours.sign(release), sig: bad.sig }],
    "signature/invalid",
    "signature/unknown-key",
    "-",
  ],
  ["no sig", [{ keyid: npm.key.keyid }], "signature/invalid", "signature/invalid", "-"],
  ["no keyid", [{ sig: good.sig }], "signature/invalid", "signature/unknown-key", "-"],
  ["an entry that is null", [good, null], "signature/invalid", "signature/invalid", "-"],
  ["16", Array.from({ length: 16 }, () => good), npm.key.keyid, npm.key.keyid, "-"],
  ["17", Array.from({ length: 17 }, () => good), "signature/invalid", "signature/invalid", "-"],
  ["base64 that is not canonical", [{ ...good, sig: `${good.sig}\n` }], "signature/invalid", "signature/invalid", "-"],
];

describe("signatures of a version", () => {
  for (const [what, signatures, ...expected] of table) {
    for (const [position, policy] of (["prefer", "require", "ignore"] as const).entries()) {
      test(`${what}, where the policy is to ${policy}: ${expected[position]}`, () => {
        const judgement = judgeSignatures(context({ policy }), release, signatures, published);
        assert.equal(judgement.verdict === "accept" ? judgement.signer : judgement.rule, expected[position]);
        if (judgement.verdict === "refuse") assert.match(judgement.reason, /^[ -~]{10,200}[^.]$/);
      });
    }
  }

  test("an end is compared with the time of publication, and not judged without one", () => {
    const signed = [old.sign(release)];
    const at = (publishedMs: number | undefined) => judgeSignatures(context(), release, signed, publishedMs);
    assert.equal(at(ended - 1).verdict, "accept");
    assert.equal(at(undefined).verdict, "accept");
    assert.equal(at(ended).verdict, "refuse");
  });

  test("only pinned keys count where some are pinned", () => {
    const pinned = context({ pinned: new Set([old.key.keyid]) });
    assert.deepEqual(judgeSignatures(pinned, release, [good], published), { verdict: "accept", signer: "-" });
    const required = judgeSignatures({ ...pinned, policy: "require" }, release, [good], published);
    assert.ok(required.verdict === "refuse" && required.rule === "signature/unknown-key");
    const other = judgeSignatures(pinned, release, [old.sign(release)], ended - 1);
    assert.deepEqual(other, { verdict: "accept", signer: old.key.keyid });
  });

  test("a long keyid does not break a sentence", () => {
    const long = createRegistrySigner({ keyid: "k".repeat(256) });
    const judgement = judgeSignatures(
      context({ ring: ringOf({ npm: [], other: [long] }) }),
      release,
      [long.sign(release)],
      published,
    );
    assert.ok(judgement.verdict === "refuse" && judgement.reason.length < 160);
  });
});

test("keyids alone say the same as far as they go", () => {
  for (const [what, signatures, ...expected] of table) {
    if (!Array.isArray(signatures)) continue;
    const keyids = signatures.map((entry: { keyid?: string } | null) => entry?.keyid ?? "");
    for (const [position, policy] of (["prefer", "require", "ignore"] as const).entries()) {
      const found = refuseKeyids(context({ policy }), keyids, published)?.rule;
      const whole = expected[position];
      if (whole === "signature/invalid") assert.equal(found, undefined, what);
      else assert.equal(found, whole?.startsWith("signature/") ? whole : undefined, `${what}, ${policy}`);
    }
  }
});

test("a key is foreign when only other configured registries have it", () => {
  const shared = ringOf({ npm: [npm], other: [npm, other, ours], removed: [nobody], hosted: [ours] });
  const of = (signer: RegistrySigner) => foreignOwner(context({ ring: shared }), signer.key.keyid);
  assert.equal(of(npm), undefined, "the owner has it too");
  assert.equal(of(ours), undefined, "it is ours");
  assert.equal(of(nobody), undefined, "that registry is not configured any more");
  assert.equal(of(createRegistrySigner()), undefined);
  assert.equal(of(other), "other");
});
