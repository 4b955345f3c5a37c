import { createHash, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { join } from "node:path";
import { AssayError, formatVkey, parseVkey, signatureType, toHex } from "@assay/core";
import type { Random } from "../platform/random.ts";
import { keyFromSeed, publicBytesOf } from "./ed25519.ts";
import { createKeyFile, readKeyFile } from "./private-key-file.ts";
import type { CheckpointSigner, Signing } from "./signing.ts";

/**
 * Checkpoint keys as files `<keyFolder>/<hex sha256 of the origin>.key`.
 *
 * A file holds one line in the private form that goes with a vkey:
 * `PRIVATE+KEY+<origin>+<hex8 key id>+<base64(0x01 || 32-byte seed)>`.
 */
export function createCheckpointKeys(
  deps: { readonly random: Random },
  options: { readonly keyFolder: string },
): Signing {
  return {
    async checkpointSigner(origin, expectedVkey) {
      const digest = createHash("sha256").update(origin).digest("hex");
      const path = join(options.keyFolder, `${digest}.key`);
      let text = await readKeyFile(path);
      if (text === undefined) {
        if (expectedVkey !== undefined)
          throw new AssayError("CONFIG", {
            reason: `The signing key ${path} of log ${origin} is missing although the log has signed before; put the file back from a backup.`,
          });
        const privateForm = formatPrivateKey(origin, deps.random.bytes(32));
        await createKeyFile(path, privateForm, toHex(deps.random.bytes(8)));
        // Read back: another process may have linked its key first, and then its key is the key.
        text = await readKeyFile(path);
      }
      if (text === undefined) throw new AssayError("CONFIG", { reason: `The key file ${path} vanished.` });
      const signer = parsePrivateKey(text, origin, path);
      if (expectedVkey !== undefined && signer.vkey !== expectedVkey)
        throw new AssayError("CONFIG", {
          reason: `The signing key ${path} has the vkey ${signer.vkey}, but log ${origin} has signed with ${expectedVkey}; put the right key file back.`,
        });
      return signer;
    },
  };
}

function formatPrivateKey(origin: string, seed: Uint8Array): string {
  const vkey = vkeyOf(origin, keyFromSeed(seed));
  const keyId = toHex(parseVkey(vkey).keyId);
  const secret = Buffer.concat([Uint8Array.of(signatureType.ed25519), seed]).toString("base64");
  return `PRIVATE+KEY+${origin}+${keyId}+${secret}\n`;
}

/** Errors name the file, never its content. */
function parsePrivateKey(text: string, origin: string, path: string): CheckpointSigner {
  const refuse = (reason: string): AssayError =>
    new AssayError("CONFIG", { reason: `The key file ${path} is refused: ${reason}.` });
  const match = /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})\n$/.exec(text);
  const [, name, keyId, encoded] = match ?? [];
  if (name === undefined || keyId === undefined || encoded === undefined)
    throw refuse("it is not one line in the form PRIVATE+KEY+<origin>+<key id>+<key>");
  if (name !== origin) throw refuse("it belongs to another origin");
  const secret = Buffer.from(encoded, "base64");
  if (secret.length !== 33 || secret[0] !== signatureType.ed25519 || secret.toString("base64") !== encoded)
    throw refuse("the key is not an Ed25519 seed");
  const privateKey = keyFromSeed(secret.subarray(1));
  const vkey = vkeyOf(origin, privateKey);
  if (toHex(parseVkey(vkey).keyId) !== keyId) throw refuse("the key id does not match the key");
  return {
    name: origin,
    vkey,
    // Synchronous inside: 50 µs of work, less than a trip to the thread pool.
    sign: async (message) => sign(null, message, privateKey),
  };
}

function vkeyOf(origin: string, privateKey: KeyObject): string {
  return formatVkey(origin, signatureType.ed25519, publicBytesOf(privateKey));
}
