import { concatBytes, fromHex } from "@assay/core";

/** An Ed25519 key pair for tests. */
export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** RFC 8410 §7: the frame of an Ed25519 seed in PKCS #8. */
const pkcs8Head = fromHex("302e020100300506032b657004220420");

/** An Ed25519 key from 32 bytes in hex: equal seeds are equal keys. */
export async function signingKey(seed: string): Promise<SigningKey> {
  const key = await crypto.subtle.importKey("pkcs8", concatBytes(pkcs8Head, fromHex(seed)), { name: "Ed25519" }, true, [
    "sign",
  ]);
  const { x = "" } = await crypto.subtle.exportKey("jwk", key);
  return {
    publicKey: new Uint8Array(Buffer.from(x, "base64url")),
    sign: async (text) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, Uint8Array.from(text))),
  };
}
