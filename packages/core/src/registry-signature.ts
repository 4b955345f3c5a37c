import { concatBytes, encodeUtf8, equalBytes, fromBase64, fromHex, toBase64 } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import { sha256Portable, type Sha256 } from "./hash.ts";
import type { Integrity, PackageName, Version } from "./names.ts";

/** A public key on NIST P-256, as SubjectPublicKeyInfo with the point uncompressed: 91 bytes. */
export interface RegistryPublicKey {
  readonly spki: Uint8Array<ArrayBuffer>;
  /** 0x04 || x || y: 65 bytes. */
  readonly point: Uint8Array<ArrayBuffer>;
}

/** A key of a registry, by the name that it has in `dist.signatures`. */
export interface RegistryKey {
  /** 1 to 256 of printable ASCII without spaces; not `-`, which means none in records. */
  readonly keyid: string;
  readonly publicKey: RegistryPublicKey;
  /** What was published at this time or later was not signed by this key; undefined: no end. Epoch milliseconds. */
  readonly expiresMs: number | undefined;
}

/** One entry of `dist.signatures`. */
export interface RegistrySignature {
  readonly keyid: string;
  /** Canonical base64 of DER. */
  readonly sig: string;
}

/** What a registry signs about one version. */
export interface SignedRelease {
  readonly name: PackageName;
  readonly version: Version;
  readonly integrity: Integrity;
}

export type SignatureVerdict = "good" | "bad-signature" | "unknown-key" | "expired-key";

/** A signature read, with all that is left to do: one ECDSA operation. */
export interface ReadSignature {
  readonly publicKey: RegistryPublicKey;
  /** ECDSA-SHA-256 signs these bytes. */
  readonly message: Uint8Array<ArrayBuffer>;
  /** r || s: 64 bytes. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** `keytype` and `scheme` of a key in a key list. */
export const registryKeyType = "ecdsa-sha2-nistp256";

/** AlgorithmIdentifier of an EC key on P-256 and the head of the BIT STRING (RFC 5480 §2). */
const spkiPrefix = fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
const pointBytes = 65;
const integerBytes = 32;

/** `name@version:integrity`, what a registry signs. */
export function registrySignatureMessage({ name, version, integrity }: SignedRelease): string {
  return `${name}@${version}:${integrity}`;
}

/**
 * Reads the base64 of a SubjectPublicKeyInfo. Throws BAD_FORMAT for anything but the one DER form of an uncompressed
 * point on P-256. That the point lies on the curve shows when the key is imported.
 */
export function parseRegistryPublicKey(base64: string): RegistryPublicKey {
  const spki = fromBase64(base64);
  const point = spki.slice(spkiPrefix.length);
  if (
    point.length !== pointBytes ||
    point[0] !== 0x04 ||
    !equalBytes(spki.subarray(0, spkiPrefix.length), spkiPrefix)
  ) {
    throw malformed("A registry key", "the 91 bytes of an uncompressed P-256 key as SubjectPublicKeyInfo are expected");
  }
  return { spki, point };
}

/** The OpenSSH fingerprint of a key: `SHA256:` and 43 characters of base64 without padding (RFC 4253 §6.6, RFC 5656 §3.1). */
export function registryKeyId({ point }: RegistryPublicKey, sha256: Sha256 = sha256Portable): string {
  const wire = concatBytes(sshString(encodeUtf8(registryKeyType)), sshString(encodeUtf8("nistp256")), sshString(point));
  return `SHA256:${toBase64(sha256(wire)).replace(/=+$/, "")}`;
}

/** True for what may name a key: 1 to 256 of printable ASCII without spaces, not `-`. */
export function isRegistryKeyId(text: string): boolean {
  return /^[!-~]{1,256}$/.test(text) && text !== "-";
}

/**
 * Reads an ECDSA signature in DER, strictly: SEQUENCE of two INTEGERs, shortest lengths, no sign, no padding that is
 * not needed, nothing behind it. Answers r || s, 64 bytes. Throws BAD_FORMAT. (RFC 3279 §2.2.3, X.690 §10.1)
 */
export function derToRaw(der: Uint8Array): Uint8Array<ArrayBuffer> {
  if (der.length < 8 || der[0] !== 0x30 || der[1] !== der.length - 2 || der.length > 72) throw notDer();
  const raw = new Uint8Array(2 * integerBytes);
  const afterR = readInteger(der, 2, raw, integerBytes);
  const end = readInteger(der, afterR, raw, 2 * integerBytes);
  if (end !== der.length) throw notDer();
  return raw;
}

/** The DER form of r || s (64 bytes). Inverse of `derToRaw`. Throws BAD_FORMAT on another length. */
export function rawToDer(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  if (raw.length !== 2 * integerBytes) throw malformed("An ECDSA signature", "64 bytes are expected");
  const integers = concatBytes(derInteger(raw.subarray(0, integerBytes)), derInteger(raw.subarray(integerBytes)));
  return concatBytes(Uint8Array.of(0x30, integers.length), integers);
}

/**
 * All of a verification but the ECDSA operation: a verdict, or what that operation needs. `key` is the one that the
 * signature's keyid names, undefined when it is not known. `atMs` is when the release was published (of an upstream's
 * signature) or logged (of ours); undefined when nobody says so: then an expiry is not judged. Never throws.
 */
export function readRegistrySignature(
  release: SignedRelease,
  { keyid, sig }: RegistrySignature,
  key: RegistryKey | undefined,
  atMs: number | undefined,
): ReadSignature | SignatureVerdict {
  if (key === undefined || key.keyid !== keyid) return "unknown-key";
  let signature: Uint8Array<ArrayBuffer>;
  try {
    signature = derToRaw(fromBase64(sig));
  } catch {
    return "bad-signature";
  }
  if (key.expiresMs !== undefined && atMs !== undefined && atMs >= key.expiresMs) return "expired-key";
  return { publicKey: key.publicKey, message: encodeUtf8(registrySignatureMessage(release)), signature };
}

/** As `readRegistrySignature`, to the end, with WebCrypto. Never rejects: a key that is no point on the curve signs nothing. */
export async function verifyRegistrySignature(
  release: SignedRelease,
  signature: RegistrySignature,
  key: RegistryKey | undefined,
  atMs: number | undefined,
): Promise<SignatureVerdict> {
  const read = readRegistrySignature(release, signature, key, atMs);
  if (typeof read === "string") return read;
  try {
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const imported = await crypto.subtle.importKey("spki", read.publicKey.spki, algorithm, false, ["verify"]);
    return (await crypto.subtle.verify(algorithm, imported, read.signature, read.message)) ? "good" : "bad-signature";
  } catch {
    return "bad-signature";
  }
}

/** Reads the INTEGER at `at` into the bytes of `raw` that end at `end`, right-aligned; answers where it ends. */
function readInteger(der: Uint8Array, at: number, raw: Uint8Array, end: number): number {
  const length = der[at + 1] ?? 0;
  const first = der[at + 2] ?? 0;
  const isPadded = first === 0 && length > 1;
  if (der[at] !== 0x02 || length === 0 || at + 2 + length > der.length) throw notDer();
  // A sign bit makes it negative; a zero in front is there only to keep a sign bit off.
  if (first >= 0x80 || (isPadded && (der[at + 3] ?? 0) < 0x80)) throw notDer();
  const digits = der.subarray(at + (isPadded ? 3 : 2), at + 2 + length);
  if (digits.length > integerBytes) throw notDer();
  raw.set(digits, end - digits.length);
  return at + 2 + length;
}

function derInteger(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  // Zero is one digit too.
  const digits = bytes.subarray(first < 0 ? bytes.length - 1 : first);
  const padding = (digits[0] ?? 0) >= 0x80 ? [0] : [];
  return Uint8Array.of(0x02, padding.length + digits.length, ...padding, ...digits);
}

function sshString(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concatBytes(length, bytes);
}

function notDer(): AssayError<"BAD_FORMAT"> {
  return malformed("An ECDSA signature", "it is not the one DER form of two numbers");
}

function malformed(what: string, reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what, reason });
}
