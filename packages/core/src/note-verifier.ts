import { toHex } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import { cosignatureMessage, cosignatureTime, mldsaCosignatureMessage } from "./witness/cosignature.ts";
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
