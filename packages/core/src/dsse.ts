import { concatBytes, encodeUtf8, toBase64 } from "./bytes.ts";

/** A signed payload: DSSE 1.0, github.com/secure-systems-lab/dsse. */
export interface DsseEnvelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

/** What a signature of an envelope is made over: the pre-authentication encoding of type and payload (DSSE 1.0 §2). */
export function dssePreAuthentication(payloadType: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const type = encodeUtf8(payloadType);
  return concatBytes(encodeUtf8(`DSSEv1 ${type.length} `), type, encodeUtf8(` ${payload.length} `), payload);
}

/** An envelope with one signature, which is DER in base64 for ECDSA. */
export function dsseEnvelope(
  payloadType: string,
  payload: Uint8Array,
  signature: { readonly keyid: string; readonly sig: string },
): DsseEnvelope {
  return { payloadType, payload: toBase64(payload), signatures: [signature] };
}
