import { createECDH, createHash, createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { AssayError, parseRegistryPublicKey, toHex, type RegistryPublicKey } from "@assay/core";
import type { Random } from "../platform/random.ts";
import { createKeyFile, readKeyFile } from "./private-key-file.ts";

/** PKCS #8 of a P-256 key is this prefix, its 32-byte number, this infix, and its 65-byte point (RFC 5915, RFC 5958). */
const pkcs8Prefix = Buffer.from("308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420", "hex");
const pkcs8Infix = Buffer.from("a144034200", "hex");

/**
 * Makes a P-256 key and writes it durably to `<keyFolder>/registry-<hex of its SHA-256>.key`: PKCS #8 in PEM, mode
 * 0600. A crash leaves a whole file that no row names, or none.
 */
export async function createRegistryKey(
  { random }: { readonly random: Random },
  keyFolder: string,
): Promise<RegistryPublicKey> {
  const { number, point } = drawKey(random);
  const der = Buffer.concat([pkcs8Prefix, number, pkcs8Infix, point]);
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = publicKeyOf(privateKey);
  const text = privateKey.export({ format: "pem", type: "pkcs8" });
  await createKeyFile(registryKeyPath(keyFolder, publicKey), text, toHex(random.bytes(8)));
  return publicKey;
}

/**
 * Reads the private key that goes with this public one; undefined when there is no file. Throws CONFIG when it can be
 * read by others, is malformed, or is another key. Errors name the file, never its content.
 */
export async function readRegistryKey(keyFolder: string, publicKey: RegistryPublicKey): Promise<KeyObject | undefined> {
  const path = registryKeyPath(keyFolder, publicKey);
  const text = await readKeyFile(path);
  if (text === undefined) return undefined;
  const privateKey = parsePem(text);
  const matches = privateKey !== undefined && Buffer.from(publicKey.spki).equals(publicKeyOf(privateKey).spki);
  if (!matches) throw new AssayError("CONFIG", { reason: `The key file ${path} does not hold the key of its name.` });
  return privateKey;
}

export function registryKeyPath(keyFolder: string, { spki }: RegistryPublicKey): string {
  return join(keyFolder, `registry-${createHash("sha256").update(spki).digest("hex")}.key`);
}

/** A number below the order of the curve, and its point. All but one in 2^32 of 32 random bytes are one. */
function drawKey(random: Random): { readonly number: Uint8Array; readonly point: Uint8Array } {
  for (;;) {
    const curve = createECDH("prime256v1");
    const number = random.bytes(32);
    try {
      curve.setPrivateKey(number);
    } catch {
      continue;
    }
    return { number, point: curve.getPublicKey() };
  }
}

function parsePem(text: string): KeyObject | undefined {
  try {
    const key = createPrivateKey({ key: text, format: "pem" });
    return key.asymmetricKeyDetails?.namedCurve === "prime256v1" ? key : undefined;
  } catch {
    return undefined;
  }
}

function publicKeyOf(privateKey: KeyObject): RegistryPublicKey {
  return parseRegistryPublicKey(createPublicKey(privateKey).export({ format: "der", type: "spki" }).toString("base64"));
}
