import { concatBytes, decodeUtf8, encodeUtf8, toHex } from "./bytes.ts";
import { parseCheckpoint } from "./checkpoint.ts";
import { AssayError } from "./errors.ts";
import { parseVkey, signatureType, type VerifierKey } from "./vkey.ts";

/** Verifies the signatures of one key on note texts. */
export interface NoteVerifier {
  readonly name: string;
  /** 8 hex digits. */
  readonly keyIdHex: string;
  /** True when `signature` (the bytes after the key ID) is this key's over the note text. Never throws. */
  verify(text: Uint8Array, signature: Uint8Array): Promise<boolean>;
}

type Verify = (text: Uint8Array, signature: Uint8Array) => Promise<boolean>;

/**
 * The verifier for a vkey of type 0x01 (Ed25519), 0x04 (Ed25519 cosignature) or 0x06 (ML-DSA-44 cosignature, where
 * the runtime's WebCrypto has it). Throws BAD_FORMAT on a malformed vkey or a key this runtime cannot use.
 */
export async function verifier(vkey: string): Promise<NoteVerifier> {
  const key = parseVkey(vkey);
  return { name: key.name, keyIdHex: toHex(key.keyId), verify: await verifyFunction(key) };
}

/**
 * The time a cosignature (type 0x04 or 0x06) states, in whole seconds since 1970; undefined when the bytes are too
 * short or the time is 2^53 or later. It is authenticated only once the signature is verified.
 */
export function cosignatureTime(signature: Uint8Array): number | undefined {
  if (signature.length <= 8) return undefined;
  const view = new DataView(signature.buffer, signature.byteOffset, 8);
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

async function verifyFunction(key: VerifierKey): Promise<Verify> {
  switch (key.type) {
    case signatureType.ed25519: {
      const check = await importKey("raw", "Ed25519", key.publicKey);
      return async (text, signature) => signature.length === 64 && (await check(text, signature));
    }
    case signatureType.cosignature: {
      const check = await importKey("raw", "Ed25519", key.publicKey);
      return async (text, signature) => {
        const time = cosignatureTime(signature);
        if (signature.length !== 72 || time === undefined) return false;
        return await check(cosignatureMessage(time, text), signature.subarray(8));
      };
    }
    case signatureType.mldsaCosignature: {
      const check = await importKey("raw-public", "ML-DSA-44", key.publicKey);
      return async (text, signature) => {
        const time = cosignatureTime(signature);
        if (signature.length !== 2428 || time === undefined || time === 0) return false;
        let message: Uint8Array;
        try {
          message = mldsaCosignatureMessage(key.name, time, text);
        } catch {
          return false;
        }
        return await check(message, signature.subarray(8));
      };
    }
  }
}

async function importKey(format: string, algorithm: string, publicKey: Uint8Array): Promise<Verify> {
  let key: CryptoKey;
  try {
    // The declared union of formats is older than ML-DSA's "raw-public".
    key = await crypto.subtle.importKey(format as "raw", Uint8Array.from(publicKey), { name: algorithm }, false, [
      "verify",
    ]);
  } catch (cause) {
    throw new AssayError(
      "BAD_FORMAT",
      { what: "A verifier key", reason: `this runtime cannot use it for ${algorithm}` },
      { cause },
    );
  }
  return async (message, signature) => {
    try {
      const data = Uint8Array.from(message);
      return await crypto.subtle.verify({ name: algorithm }, key, Uint8Array.from(signature), data);
    } catch {
      return false;
    }
  };
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
