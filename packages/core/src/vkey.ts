import { concatBytes, encodeUtf8, equalBytes, fromBase64, fromHex, toBase64, toHex } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import { sha256Portable } from "./hash.ts";

/** Signature types of c2sp.org/signed-note that Assay knows. */
export const signatureType: {
  /** Ed25519 over the note text. */
  readonly ed25519: 0x01;
  /** Ed25519 cosignature with a time (c2sp.org/tlog-cosignature). */
  readonly cosignature: 0x04;
  /** ML-DSA-44 cosignature with a time (c2sp.org/tlog-cosignature). */
  readonly mldsaCosignature: 0x06;
} = { ed25519: 0x01, cosignature: 0x04, mldsaCosignature: 0x06 };

export type SignatureType = (typeof signatureType)[keyof typeof signatureType];

/** What a vkey says. Spec: docs/formats/signed-note.md. */
export interface VerifierKey {
  readonly name: string;
  /** First 4 bytes of SHA-256(name || LF || type || public key). */
  readonly keyId: Uint8Array;
  readonly type: SignatureType;
  /** 32 bytes (Ed25519) or 1,312 bytes (ML-DSA-44). */
  readonly publicKey: Uint8Array;
}

/** A key name: not empty, well-formed, no `+`, no Unicode space, no control character; at most 255 UTF-8 bytes. */
export function isKeyName(text: string): boolean {
  // JavaScript's \s lacks U+0085 and Unicode's White_Space lacks U+FEFF: both are refused. \p{Cc} is controls.
  return text.isWellFormed() && /^[^+\s\u0085\ufeff\p{Cc}]+$/u.test(text) && encodeUtf8(text).length <= 255;
}

/**
 * Reads `name+<8 hex of the key ID>+<base64 of type || public key>` and checks the key ID.
 * Throws BAD_FORMAT, also on a type that Assay does not know.
 */
export function parseVkey(vkey: string): VerifierKey {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{1,2000})$/u.exec(vkey);
  const name = match?.[1] ?? "";
  if (match === null || !isKeyName(name)) {
    throw badKey("name+<8 hex digits>+<base64> is expected");
  }
  const typed = fromBase64(match[3] ?? "");
  const type = typed[0];
  const publicKey = typed.slice(1);
  if (!isSignatureType(type)) throw badKey("its signature type is not known");
  if (publicKey.length !== publicKeyLength(type)) throw badKey("its public key has a wrong length");
  const keyId = keyIdOf(name, type, publicKey);
  if (!equalBytes(keyId, fromHex(match[2] ?? ""))) {
    throw badKey("its key ID does not belong to its name and key");
  }
  return { name, keyId, type, publicKey };
}

/** Inverse of `parseVkey`; computes the key ID. Throws BAD_FORMAT on a bad name, type or key length. */
export function formatVkey(name: string, type: SignatureType, publicKey: Uint8Array): string {
  if (!isKeyName(name)) throw badKey("its name is empty, too long, or holds + or a space");
  if (!isSignatureType(type)) throw badKey("its signature type is not known");
  if (publicKey.length !== publicKeyLength(type)) throw badKey("its public key has a wrong length");
  const typed = concatBytes(Uint8Array.of(type), publicKey);
  return `${name}+${toHex(keyIdOf(name, type, publicKey))}+${toBase64(typed)}`;
}

function keyIdOf(name: string, type: SignatureType, publicKey: Uint8Array): Uint8Array {
  const identity = concatBytes(encodeUtf8(`${name}\n`), Uint8Array.of(type), publicKey);
  return sha256Portable(identity).slice(0, 4);
}

function isSignatureType(type: number | undefined): type is SignatureType {
  return type === 0x01 || type === 0x04 || type === 0x06;
}

function publicKeyLength(type: SignatureType): number {
  return type === signatureType.mldsaCosignature ? 1312 : 32;
}

function badKey(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A verifier key", reason });
}
