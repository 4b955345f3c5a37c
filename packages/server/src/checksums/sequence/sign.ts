import { encodeUtf8, formatCheckpoint, formatNote, parseVkey, signatureLine } from "@assay/core";
import type { CheckpointSigner } from "../../signing/signing.ts";
import type { NextTree } from "./steps.ts";

/**
 * Step 4: signs the checkpoint of the tree, outside any transaction.
 *
 * A crash leaves nothing: the signature was never released. Whoever takes over signs the same text again, which
 * Ed25519 answers with the same signature.
 */
export async function signCheckpoint(signer: CheckpointSigner, next: NextTree): Promise<string> {
  const { size, root } = next;
  const text = formatCheckpoint({ origin: signer.name, size, root });
  const signature = await signer.sign(encodeUtf8(text));
  return formatNote(text, [signatureLine(signer.name, parseVkey(signer.vkey).keyId, signature)]);
}
