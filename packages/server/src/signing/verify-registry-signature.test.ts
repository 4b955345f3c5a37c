import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  parseIntegrity,
  parsePackageName,
  parseRegistryPublicKey,
  parseVersion,
  readRegistryKeys,
  verifyRegistrySignature,
} from "@assay/core";
import { verifyRegistrySignatureSync } from "./verify-registry-signature.ts";

interface Vector {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  readonly keyid: string;
  readonly sig: string;
  readonly published?: string | null;
  readonly expect?: string;
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../../vectors/signatures/${name}`, import.meta.url), "utf8"));
const vectors = read("registry-signature-vectors.json") as {
  readonly keys: readonly unknown[];
  readonly valid: readonly Vector[];
  readonly invalid: readonly Vector[];
};
const keys = readRegistryKeys(vectors.keys);

function releaseOf({ name, version, integrity }: Vector) {
  return {
    name: parsePackageName(name),
    version: parseVersion(version),
    integrity: parseIntegrity(integrity),
  };
}

test("gives the verdict of every vector, at once and as WebCrypto does", async () => {
  assert.ok(vectors.valid.length >= 51 && vectors.invalid.length >= 7);
  for (const vector of [...vectors.valid, ...vectors.invalid]) {
    const key = keys.find(({ keyid }) => keyid === vector.keyid);
    const atMs = vector.published == null ? undefined : Date.parse(vector.published);
    const verdict = verifyRegistrySignatureSync(releaseOf(vector), vector, key, atMs);
    assert.equal(verdict, vector.expect ?? "good", `${vector.name}@${vector.version}`);
    assert.equal(await verifyRegistrySignature(releaseOf(vector), vector, key, atMs), verdict);
  }
});

test("a key off the curve signs nothing", () => {
  const [vector] = vectors.valid;
  assert.ok(vector);
  const { keyOffCurve } = read("encodings.json") as { readonly keyOffCurve: string };
  const key = { keyid: vector.keyid, publicKey: parseRegistryPublicKey(keyOffCurve), expiresMs: undefined };
  for (let again = 0; again < 2; again++)
    assert.equal(verifyRegistrySignatureSync(releaseOf(vector), vector, key, undefined), "bad-signature");
});
