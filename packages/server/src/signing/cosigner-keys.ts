import { sign } from "node:crypto";
import { join } from "node:path";
import { AssayError, formatVkey, isKeyName, parseVkey, signatureType, toBase64, toHex } from "@assay/core";
import type { Cosigner, SignatureType } from "@assay/core";
import type { Random } from "../platform/random.ts";
import { keyFromSeed, publicBytesOf } from "./ed25519.ts";
import { createKeyFile, readKeyFile } from "./private-key-file.ts";

/** The kinds of key that a witness may have. */
export type CosignerKind = "ed25519" | "ml-dsa-44";

const kinds: Readonly<Record<CosignerKind, { readonly type: SignatureType; readonly file: string }>> = {
  ed25519: { type: signatureType.cosignature, file: "cosigner-ed25519.key" },
  "ml-dsa-44": { type: signatureType.mldsaCosignature, file: "cosigner-ml-dsa-44.key" },
};

/** The name that the Ed25519 key in this folder was made with; undefined when there is none. Throws CONFIG as `cosignerKey`. */
export async function cosignerName(keyFolder: string): Promise<string | undefined> {
  const path = join(keyFolder, kinds.ed25519.file);
  const text = await readKeyFile(path);
  return text === undefined ? undefined : parsePrivateKey(text, path, signatureType.cosignature).name;
}

/**
 * The cosigning key of this kind in `keyFolder`, one line in the private form that goes with a vkey:
 * `PRIVATE+KEY+<name>+<hex8 key id>+<base64(type || 32-byte seed)>`. Without a file a key is made, durably (0600,
 * fsync) before it is returned. Two callers at once, also in two processes, get the same key.
 *
 * Throws CONFIG when the file can be read by others, is malformed or was made with another name (a witness keeps its
 * name for life, because policies hold it), and for `ml-dsa-44` on a runtime without it.
 */
export async function cosignerKey(
  deps: { readonly random: Random },
  options: { readonly keyFolder: string; readonly name: string; readonly kind: CosignerKind },
): Promise<Cosigner> {
  const { name, kind } = options;
  if (!isKeyName(name))
    throw new AssayError("CONFIG", {
      reason: `${JSON.stringify(name)} cannot be the name of a witness: no spaces, no +.`,
    });
  const { type, file } = kinds[kind];
  const path = join(options.keyFolder, file);
  let text = await readKeyFile(path);
  if (text === undefined) {
    const seed = deps.random.bytes(32);
    const { vkey } = await signerOf(name, type, seed);
    const line = `PRIVATE+KEY+${name}+${toHex(parseVkey(vkey).keyId)}+${toBase64(Uint8Array.from([type, ...seed]))}\n`;
    await createKeyFile(path, line, toHex(deps.random.bytes(8)));
    // Read back: another process may have linked its key first, and then its key is the key.
    text = await readKeyFile(path);
  }
  if (text === undefined) throw new AssayError("CONFIG", { reason: `The key file ${path} vanished.` });
  const stored = parsePrivateKey(text, path, type);
  if (stored.name !== name)
    throw new AssayError("CONFIG", {
      reason: `The witness key ${path} was made as ${stored.name}, not ${name}; policies hold that name, so keep it, or start a new witness in another folder.`,
    });
  const cosigner = await signerOf(name, type, stored.seed);
  if (toHex(parseVkey(cosigner.vkey).keyId) !== stored.keyIdHex)
    throw new AssayError("CONFIG", { reason: `The key file ${path} is refused: the key id does not match the key.` });
  return cosigner;
}

/** Errors name the file, never its content. */
function parsePrivateKey(
  text: string,
  path: string,
  type: SignatureType,
): { readonly name: string; readonly keyIdHex: string; readonly seed: Uint8Array } {
  const match = /^PRIVATE\+KEY\+([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})\n$/.exec(text);
  const [, name, keyIdHex, encoded] = match ?? [];
  const secret = Buffer.from(encoded ?? "", "base64");
  if (name === undefined || keyIdHex === undefined || secret[0] !== type || secret.toString("base64") !== encoded)
    throw new AssayError("CONFIG", {
      reason: `The key file ${path} is refused: it is not one line in the form PRIVATE+KEY+<name>+<key id>+<key> of type ${type}.`,
    });
  return { name, keyIdHex, seed: secret.subarray(1) };
}

async function signerOf(name: string, type: SignatureType, seed: Uint8Array): Promise<Cosigner> {
  if (type === signatureType.mldsaCosignature) return await mldsaSigner(name, seed);
  const privateKey = keyFromSeed(seed);
  return {
    vkey: formatVkey(name, type, publicBytesOf(privateKey)),
    // Synchronous inside: 50 µs of work, less than a trip to the thread pool.
    sign: async (message) => sign(null, message, privateKey),
  };
}

async function mldsaSigner(name: string, seed: Uint8Array): Promise<Cosigner> {
  const { subtle } = globalThis.crypto;
  const algorithm = { name: "ML-DSA-44" };
  try {
    // The declared unions of formats and usages are older than ML-DSA.
    const key = await subtle.importKey("raw-seed" as "raw", Uint8Array.from(seed), algorithm, true, ["sign"]);
    const publicKey = await (subtle as unknown as WithPublicKeys).getPublicKey(key, ["verify"]);
    const bytes = new Uint8Array(await subtle.exportKey("raw-public" as "raw", publicKey));
    return {
      vkey: formatVkey(name, signatureType.mldsaCosignature, bytes),
      sign: async (message) => new Uint8Array(await subtle.sign(algorithm, key, Uint8Array.from(message))),
    };
  } catch (cause) {
    throw new AssayError(
      "CONFIG",
      { reason: "This Node.js cannot sign with ML-DSA-44; use a later one, or leave the second key out." },
      { cause },
    );
  }
}

interface WithPublicKeys {
  getPublicKey(key: CryptoKey, usages: readonly string[]): Promise<CryptoKey>;
}
