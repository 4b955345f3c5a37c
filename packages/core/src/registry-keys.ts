import { equalBytes, toBase64 } from "./bytes.ts";
import { AssayError } from "./errors.ts";
import { parseJson } from "./json.ts";
import { isRegistryKeyId, parseRegistryPublicKey, registryKeyType, type RegistryKey } from "./registry-signature.ts";

/** One key as `GET /-/npm/v1/keys` lists it. */
export interface ListedRegistryKey {
  readonly keyid: string;
  readonly keytype: string;
  readonly scheme: string;
  /** Base64 of SubjectPublicKeyInfo. */
  readonly key: string;
  /** ISO 8601, or null. */
  readonly expires: string | null;
}

/** Most keys of one list. */
export const maxRegistryKeys = 10_000;

/**
 * Reads the answer of `GET /-/npm/v1/keys`: `{"keys":[{keyid, keytype, scheme, key, expires}]}`. Keys of another type
 * or scheme are skipped, as clients do; other members are ignored. The list is refused as a whole when one of its
 * ECDSA P-256 keys cannot be read, or when one keyid stands for two keys. Throws BAD_FORMAT.
 * Spec: docs/formats/registry-signature.md. The caller limits the size of the text.
 */
export function parseRegistryKeyList(text: string): RegistryKey[] {
  const { value, duplicateKeys } = parseJson(text, { maxDepth: 10 });
  if (duplicateKeys.length > 0) throw malformed(`${duplicateKeys[0]} occurs twice`);
  const list = isObject(value) ? value["keys"] : undefined;
  if (!Array.isArray(list)) throw malformed("it has no array `keys`");
  return readRegistryKeys(list);
}

/** As `parseRegistryKeyList`, of the array itself. Throws BAD_FORMAT. */
export function readRegistryKeys(list: readonly unknown[]): RegistryKey[] {
  if (list.length > maxRegistryKeys) throw malformed(`it has more than ${maxRegistryKeys} keys`);
  const keys = new Map<string, RegistryKey>();
  for (const entry of list) {
    const key = readKey(entry);
    if (key === undefined) continue;
    const earlier = keys.get(key.keyid);
    if (earlier !== undefined && !isSameKey(earlier, key)) throw malformed(`${key.keyid} stands for two keys`);
    keys.set(key.keyid, key);
  }
  return [...keys.values()];
}

/** A key as the list shows it. */
export function listRegistryKey({ keyid, publicKey, expiresMs }: RegistryKey): ListedRegistryKey {
  return {
    keyid,
    keytype: registryKeyType,
    scheme: registryKeyType,
    key: toBase64(publicKey.spki),
    expires: expiresMs === undefined ? null : new Date(expiresMs).toISOString(),
  };
}

function isSameKey(a: RegistryKey, b: RegistryKey): boolean {
  return equalBytes(a.publicKey.spki, b.publicKey.spki) && a.expiresMs === b.expiresMs;
}

function readKey(entry: unknown): RegistryKey | undefined {
  if (!isObject(entry)) throw malformed("an entry is no object");
  if (entry["keytype"] !== registryKeyType || entry["scheme"] !== registryKeyType) return undefined;
  const { keyid, key } = entry;
  if (typeof keyid !== "string" || !isRegistryKeyId(keyid))
    throw malformed("a keyid is not 1 to 256 of printable ASCII without spaces");
  if (typeof key !== "string") throw malformed(`${keyid} has no key`);
  return { keyid, publicKey: parseRegistryPublicKey(key), expiresMs: readExpiry(keyid, entry["expires"]) };
}

function readExpiry(keyid: string, expires: unknown): number | undefined {
  if (expires === null || expires === undefined) return undefined;
  const ms = typeof expires === "string" && /^\d{4}-\d{2}-\d{2}/.test(expires) ? Date.parse(expires) : Number.NaN;
  if (!Number.isSafeInteger(ms) || ms < 0) throw malformed(`the expiry of ${keyid} is not a time`);
  return ms;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "A list of registry keys", reason });
}
