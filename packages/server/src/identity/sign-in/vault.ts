import { createCipheriv, createDecipheriv } from "node:crypto";
import { join } from "node:path";
import { AssayError } from "@assay/core";
import type { Random } from "../../platform/random.ts";
import { createKeyFile, readKeyFile } from "../../signing/signing.ts";

/**
 * Keeps secrets that must be read again (seeds of one-time passwords, a provider's refresh tokens): AES-256-GCM under a
 * key that is not in the database. `use` says what for and whose it is; sealed for one use it opens for no other.
 */
export interface Vault {
  seal(secret: Uint8Array, use: string): string;
  /** Throws DATABASE when it was sealed under another key or for another use. */
  open(sealed: string, use: string): Buffer;
}

/** Makes `<keyFolder>/identity.key` when there is none; processes on one database need the same. Throws CONFIG. */
export async function openVault({ random }: { readonly random: Random }, keyFolder: string): Promise<Vault> {
  const path = join(keyFolder, "identity.key");
  let text = await readKeyFile(path);
  if (text === undefined) {
    const unique = Buffer.from(random.bytes(8)).toString("hex");
    await createKeyFile(path, `${Buffer.from(random.bytes(32)).toString("base64")}\n`, unique);
    text = await readKeyFile(path);
  }
  const key = Buffer.from(text?.trim() ?? "", "base64");
  if (key.length !== 32) throw new AssayError("CONFIG", { reason: `The key file ${path} holds no key of 32 bytes.` });
  return createVault({ random }, key);
}

export function createVault({ random }: { readonly random: Random }, key: Uint8Array): Vault {
  return {
    seal(secret, use) {
      const nonce = random.bytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(use));
      return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]).toString("base64");
    },
    open(sealed, use) {
      const bytes = Buffer.from(sealed, "base64");
      try {
        const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12), { authTagLength: 16 });
        decipher.setAAD(Buffer.from(use)).setAuthTag(bytes.subarray(-16));
        return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
      } catch (cause) {
        throw new AssayError("DATABASE", { reason: "a sealed secret does not open with keys/identity.key" }, { cause });
      }
    },
  };
}
