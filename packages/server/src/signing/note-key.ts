import { sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { AssayError, formatVkey, parseVkey, signatureType, toHex } from "@assay/core";
import type { Random } from "../platform/random.ts";
import { keyFromSeed, publicBytesOf } from "./ed25519.ts";
import { createKeyFile, readKeyFile } from "./private-key-file.ts";
import type { CheckpointSigner } from "./signing.ts";

/**
 * Makes a signed-note key in a file of its own, for a person or another role than a log, and answers its vkey. Throws
 * CONFIG when the file is there already, BAD_FORMAT when the name is none.
 */
export async function createNoteKey(deps: { readonly random: Random }, path: string, name: string): Promise<string> {
  const text = formatNoteKey(name, deps.random.bytes(32));
  if (!(await createKeyFile(path, text, toHex(deps.random.bytes(8)))))
    throw new AssayError("CONFIG", { reason: `The key file ${path} is there already; choose another.` });
  return parseNoteKey(text, path).vkey;
}

/** The key in a file. Throws CONFIG when it is missing, open to others or malformed. */
export async function openNoteKey(path: string): Promise<CheckpointSigner> {
  const text = await readKeyFile(path);
  if (text === undefined) throw new AssayError("CONFIG", { reason: `There is no key file ${path}.` });
  return parseNoteKey(text, path);
}

/** The file of a signed-note key: one line in the private form that goes with its vkey. */
export function formatNoteKey(name: string, seed: Uint8Array): string {
  const vkey = vkeyOf(name, keyFromSeed(seed));
  const keyId = toHex(parseVkey(vkey).keyId);
  const secret = Buffer.concat([Uint8Array.of(signatureType.ed25519), seed]).toString("base64");
  return `PRIVATE+KEY+${name}+${keyId}+${secret}\n`;
}

/** Inverse of `formatNoteKey`; `owner` is the name it must have. Throws CONFIG; errors name the file, never its content. */
export function parseNoteKey(text: string, path: string, owner?: string): CheckpointSigner {
  const refuse = (reason: string): AssayError =>
    new AssayError("CONFIG", { reason: `The key file ${path} is refused: ${reason}.` });
  const match = /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})\n$/.exec(text);
  const [, name, keyId, encoded] = match ?? [];
  if (name === undefined || keyId === undefined || encoded === undefined)
    throw refuse("it is not one line in the form PRIVATE+KEY+<name>+<key id>+<key>");
  if (owner !== undefined && name !== owner) throw refuse("it belongs to another origin");
  const secret = Buffer.from(encoded, "base64");
  if (secret.length !== 33 || secret[0] !== signatureType.ed25519 || secret.toString("base64") !== encoded)
    throw refuse("the key is not an Ed25519 seed");
  const privateKey = keyFromSeed(secret.subarray(1));
  const vkey = vkeyOf(name, privateKey);
  if (toHex(parseVkey(vkey).keyId) !== keyId) throw refuse("the key id does not match the key");
  return {
    name,
    vkey,
    // Synchronous inside: 50 µs of work, less than a trip to the thread pool.
    sign: async (message) => sign(null, message, privateKey),
  };
}

function vkeyOf(name: string, privateKey: KeyObject): string {
  return formatVkey(name, signatureType.ed25519, publicBytesOf(privateKey));
}
