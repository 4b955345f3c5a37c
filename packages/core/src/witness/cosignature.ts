import { concatBytes, decodeUtf8, encodeUtf8 } from "../bytes.ts";
import { parseCheckpoint } from "../checkpoint.ts";
import { AssayError } from "../errors.ts";
import { signatureLine } from "../note.ts";
import { parseVkey, signatureType } from "../vkey.ts";

/** A key that cosigns. The private half stays with whoever made this. */
export interface Cosigner {
  /** vkey of type 0x04 (Ed25519) or 0x06 (ML-DSA-44). */
  readonly vkey: string;
  /** The signature over this message: 64 bytes (Ed25519) or 2,420 (ML-DSA-44, empty context). */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** Bytes of the time in front of a cosignature. */
const timeBytes = 8;

/**
 * The time a cosignature (type 0x04 or 0x06) states, in whole seconds since 1970; undefined when the bytes are too
 * short or the time is 2^53 or later. It is authenticated only once the signature is verified.
 */
export function cosignatureTime(signature: Uint8Array): number | undefined {
  if (signature.length <= timeBytes) return undefined;
  const view = new DataView(signature.buffer, signature.byteOffset, timeBytes);
  const seconds = view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4);
  return Number.isSafeInteger(seconds) ? seconds : undefined;
}

/**
 * What a type 0x04 cosignature at this time (whole seconds) signs: two header lines and the note text.
 * Source: c2sp.org/tlog-cosignature.
 */
export function cosignatureMessage(timeSeconds: number, text: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(encodeUtf8(`cosignature/v1\ntime ${timeSeconds}\n`), text);
}

/**
 * What a type 0x06 cosignature by `name` at this time signs about a checkpoint: origin, size and root only, so a
 * checkpoint with extension lines is refused. Throws BAD_FORMAT. Source: c2sp.org/tlog-cosignature.
 */
export function mldsaCosignatureMessage(name: string, timeSeconds: number, text: Uint8Array): Uint8Array<ArrayBuffer> {
  const checkpoint = parseCheckpoint(decodeUtf8(text));
  if (checkpoint.extensions.length > 0) {
    throw new AssayError("BAD_FORMAT", { what: "A checkpoint", reason: "it has extension lines" });
  }
  return concatBytes(
    encodeUtf8("subtree/v1\n\0"),
    shortString(name),
    uint64(timeSeconds),
    shortString(checkpoint.origin),
    uint64(0),
    uint64(checkpoint.size),
    checkpoint.root,
  );
}

/**
 * The note line with which a cosigner says that, at this time, this checkpoint is the newest consistent one it has
 * seen of the log. `text` is the checkpoint's note text. Time: whole seconds since 1970, 1 to 2^53 - 1.
 *
 * Throws BAD_FORMAT on another time, on a text that is no checkpoint without extension lines, on a key that cannot
 * cosign, and on a signature of a wrong length. Spec: docs/formats/cosignature.md.
 */
export async function cosign(cosigner: Cosigner, timeSeconds: number, text: string): Promise<string> {
  if (!Number.isSafeInteger(timeSeconds) || timeSeconds < 1) throw badCosignature("its time is not from 1 to 2^53 - 1");
  // Both kinds of key refuse what one of them cannot sign, so that a witness with two keys gives two lines or none.
  if (parseCheckpoint(text).extensions.length > 0) throw badCosignature("the checkpoint has extension lines");
  const { name, keyId, type } = parseVkey(cosigner.vkey);
  if (type === signatureType.ed25519) throw badCosignature("a key of type 1 signs checkpoints, it cannot cosign them");
  const bytes = encodeUtf8(text);
  const isEd25519 = type === signatureType.cosignature;
  const message = isEd25519
    ? cosignatureMessage(timeSeconds, bytes)
    : mldsaCosignatureMessage(name, timeSeconds, bytes);
  const signature = await cosigner.sign(message);
  if (signature.length !== (isEd25519 ? 64 : 2420)) throw badCosignature("its signature has a wrong length");
  return signatureLine(name, keyId, concatBytes(uint64(timeSeconds), signature));
}

/** Whether this runtime's WebCrypto has ML-DSA-44; without it, keys of type 0x06 can neither sign nor be checked. */
export async function hasMldsa(): Promise<boolean> {
  try {
    // Any 1,312 bytes are a public key. The declared union of formats is older than "raw-public".
    const format = "raw-public" as "raw";
    await crypto.subtle.importKey(format, new Uint8Array(1312), { name: "ML-DSA-44" }, false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

function shortString(text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  if (bytes.length > 255) {
    throw new AssayError("BAD_FORMAT", { what: "A name", reason: "it is longer than 255 bytes" });
  }
  return concatBytes(Uint8Array.of(bytes.length), bytes);
}

function badCosignature(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A cosignature", reason });
}
