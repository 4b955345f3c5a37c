import { addSignatures, cosign, formatVkey, parseNote, signatureType } from "@assay/core";
import { signingKey } from "./signing-key.ts";

/** A witness that cosigns whatever it is shown, at any time that a test likes. */
export interface TinyWitness {
  /** Type 0x04. */
  readonly vkey: string;
  /** The note with this witness's line, dated in whole seconds since 1970. */
  cosign(note: string, timeSeconds: number): Promise<string>;
}

/** `seed`: 32 bytes in hex; each witness of a policy needs its own. */
export async function createTinyWitness(name: string, seed: string): Promise<TinyWitness> {
  const key = await signingKey(seed);
  const vkey = formatVkey(name, signatureType.cosignature, key.publicKey);
  return {
    vkey,
    async cosign(note, timeSeconds) {
      return addSignatures(note, [await cosign({ vkey, sign: key.sign }, timeSeconds, parseNote(note).text)]);
    },
  };
}
