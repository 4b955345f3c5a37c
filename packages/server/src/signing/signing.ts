import { createCheckpointKeys } from "./checkpoint-keys.ts";
import type { Random } from "../platform/random.ts";

export { createKeyFile, readKeyFile } from "./private-key-file.ts";
export { cosignerKey, cosignerName, type CosignerKind } from "./cosigner-keys.ts";
export { checkpointVkeys } from "./checkpoint-keys.ts";
export { createNoteKey, openNoteKey } from "./note-key.ts";
export { signingMigrations } from "./migrations.ts";
export { createRegistrySigning, type RegistrySigning, type RegistrySigningDeps } from "./registry-signing.ts";
export type { KeyRing, KnownKey } from "./key-ring.ts";
export { foreignOwner, judgeSignatures, refuseKeyids, type SignatureContext } from "./signature-rules.ts";
export { ownOwner } from "./store.ts";

/** Signs one log's checkpoints. The private key never leaves the room. */
export interface CheckpointSigner {
  /** Key name = origin. */
  readonly name: string;
  /** `name+hex8+base64(0x01 || public key)`, c2sp.org/signed-note. */
  readonly vkey: string;
  /** Ed25519 over the note text (which ends in LF): 64 bytes. */
  sign(text: Uint8Array): Promise<Uint8Array>;
}

export interface Signing {
  /**
   * The signer for an origin. Without `expectedVkey` its key is made on first use, durably (0600, fsync)
   * before it is returned. With it (the log has signed before) the key must exist and have that vkey.
   *
   * Throws CONFIG when the file is missing though expected, can be read by others, is malformed, or belongs
   * to another origin or vkey. Two callers at once, also in two processes, get the same key.
   */
  checkpointSigner(origin: string, expectedVkey?: string): Promise<CheckpointSigner>;
}

/** The keys under `keyFolder` (`<data>/keys`), made with `random`. Nothing is touched until a signer is asked for. */
export function createSigning(deps: { readonly random: Random }, options: { readonly keyFolder: string }): Signing {
  return createCheckpointKeys(deps, options);
}
