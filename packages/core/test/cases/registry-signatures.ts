import {
  derToRaw,
  fromHex,
  isRegistryKeyId,
  listRegistryKey,
  parseIntegrity,
  parsePackageName,
  parseRegistryKeyList,
  parseRegistryPublicKey,
  parseVersion,
  rawToDer,
  readRegistryKeys,
  registryKeyId,
  registrySignatureMessage,
  toHex,
  verifyRegistrySignature,
  type RegistryKey,
  type SignatureVerdict,
} from "@assay/core";
import type { Case, RegistrySignatureVector, Vectors } from "../context.ts";
import { equal, fail, ok, refuses } from "../expect.ts";

function keysOf({ signatures }: Vectors): RegistryKey[] {
  return readRegistryKeys(signatures.keys);
}

async function judge(vector: RegistrySignatureVector, keys: readonly RegistryKey[]): Promise<SignatureVerdict> {
  const release = {
    name: parsePackageName(vector.name),
    version: parseVersion(vector.version),
    integrity: parseIntegrity(vector.integrity),
  };
  const key = keys.find(({ keyid }) => keyid === vector.keyid);
  const publishedMs = vector.published === null ? undefined : Date.parse(vector.published ?? "");
  return await verifyRegistrySignature(release, vector, key, publishedMs);
}

/** Cases about registry signatures, their encodings and their keys. */
export const registrySignatureCases: readonly Case[] = [
  {
    name: "every recorded registry signature verifies, and on no other integrity",
    run: async ({ vectors }) => {
      const keys = keysOf(vectors);
      ok(vectors.signatures.valid.length >= 51, "signatures are missing");
      for (const vector of vectors.signatures.valid) {
        const what = `${vector.name}@${vector.version}`;
        equal(await judge(vector, keys), "good", what);
        const other = vector.integrity.replace(/^sha512-./, (head) => (head.endsWith("A") ? "sha512-B" : "sha512-A"));
        equal(await judge({ ...vector, integrity: other }, keys), "bad-signature", what);
      }
    },
  },
  {
    name: "every signature that must be refused is refused for its own reason",
    run: async ({ vectors }) => {
      const keys = keysOf(vectors);
      ok(vectors.signatures.invalid.length >= 7, "signatures are missing");
      for (const vector of vectors.signatures.invalid)
        equal(await judge({ published: null, ...vector }, keys), vector.expect, vector.why);
    },
  },
  {
    name: "an expiry ends what a key may have signed at that instant, and not before",
    run: async ({ vectors }) => {
      const [signed] = vectors.signatures.valid;
      const [key] = keysOf(vectors);
      if (signed === undefined || key?.expiresMs === undefined) fail("no key that expires");
      const at = (ms: number): RegistrySignatureVector => ({ ...signed, published: new Date(ms).toISOString() });
      equal(await judge(at(key.expiresMs - 1), [key]), "good");
      equal(await judge(at(key.expiresMs), [key]), "expired-key");
      equal(await judge(at(key.expiresMs), [{ ...key, expiresMs: undefined }]), "good");
    },
  },
  {
    name: "keyids are OpenSSH fingerprints",
    run: ({ sha256, vectors }) => {
      for (const { keyid, publicKey } of keysOf(vectors)) {
        equal(registryKeyId(publicKey, sha256), keyid);
        equal(registryKeyId(publicKey), keyid);
        ok(isRegistryKeyId(keyid), keyid);
      }
    },
  },
  {
    name: "the signed message is name, version and integrity",
    run: ({ vectors }) => {
      const [signed] = vectors.signatures.valid;
      if (signed === undefined) fail("no signature");
      const message = registrySignatureMessage({
        name: parsePackageName("@scope/pkg"),
        version: parseVersion("1.0.0"),
        integrity: parseIntegrity(signed.integrity),
      });
      equal(message, `@scope/pkg@1.0.0:${signed.integrity}`);
    },
  },
  {
    name: "DER of signatures has one form",
    run: ({ vectors }) => {
      for (const { name, der, raw } of vectors.encodings.derGood) {
        equal(toHex(derToRaw(fromHex(der))), raw, name);
        equal(toHex(rawToDer(fromHex(raw))), der, name);
      }
      for (const { name, der } of vectors.encodings.derBad) refuses(name, () => derToRaw(fromHex(der)));
      for (const length of [0, 63, 65]) refuses(`${length} raw bytes`, () => rawToDer(new Uint8Array(length)));
    },
  },
  {
    name: "keys are P-256 points in their one form; one off the curve signs nothing",
    run: async ({ vectors }) => {
      for (const { key } of vectors.signatures.keys) equal(parseRegistryPublicKey(key).point.length, 65);
      for (const { name, key } of vectors.encodings.keysBad) refuses(name, () => parseRegistryPublicKey(key));
      const [signed] = vectors.signatures.valid;
      if (signed === undefined) fail("no signature");
      const publicKey = parseRegistryPublicKey(vectors.encodings.keyOffCurve);
      const verdict = await judge(signed, [{ keyid: signed.keyid, publicKey, expiresMs: undefined }]);
      equal(verdict, "bad-signature");
    },
  },
  {
    name: "key lists are read as clients read them, or refused whole",
    run: ({ vectors }) => {
      for (const { name, text, keyids } of vectors.encodings.listsGood) {
        const keys = parseRegistryKeyList(text);
        const read = keys.map(({ keyid }) => keyid);
        equal(read, keyids, name);
        equal(readRegistryKeys(keys.map(listRegistryKey)), keys, name);
      }
      for (const { name, text } of vectors.encodings.listsBad) refuses(name, () => parseRegistryKeyList(text));
      refuses("10,001 keys", () => readRegistryKeys(Array.from({ length: 10_001 }, () => ({}))));
      equal(keysOf(vectors).map(listRegistryKey), vectors.signatures.keys);
    },
  },
];
