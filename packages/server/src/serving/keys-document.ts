import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { listRegistryKey, type ListedRegistryKey } from "@assay/core";
import { createByteCache } from "../platform/cache.ts";
import type { KeyRing, KnownKey } from "../signing/signing.ts";

/** The answer of `/-/npm/v1/keys`, finished. */
export interface KeysDocument {
  readonly bytes: Uint8Array;
  /** Strong, with quotes; of the encoding too. */
  readonly etag: string;
}

export type KeysEncoding = "gzip" | "identity";

/** 10,000 keys are 2.4 MB; compressed, 1.4 MB. */
const cacheBytes = 16 * 1024 * 1024;

/** Makes the key list of all owners, or of some. Each is made once until a key changes. */
export function createKeysDocuments(
  ring: KeyRing,
): (owners: readonly string[] | undefined, encoding: KeysEncoding) => KeysDocument {
  const made = createByteCache<KeysDocument & { readonly generation: number }>({
    maxBytes: cacheBytes,
    sizeOf: ({ bytes }) => bytes.byteLength + 200,
  });
  return (owners, encoding) => {
    const key = `${encoding} ${owners === undefined ? "*" : JSON.stringify(owners)}`;
    const { generation } = ring;
    const known = made.get(key);
    if (known?.generation === generation) return known;
    const identity = Buffer.from(JSON.stringify({ keys: listKeys(ring.list(owners)) }));
    const bytes = encoding === "gzip" ? gzipSync(identity) : identity;
    const digest = createHash("sha256").update(`${encoding}\n`).update(identity).digest("base64url");
    const document = { bytes, etag: `"${digest.slice(0, 27)}"`, generation };
    made.set(key, document);
    return document;
  };
}

/** One entry a keyid, as clients look keys up. Of a key that several owners list, the first end counts. Pure. */
export function listKeys(keys: readonly KnownKey[]): ListedRegistryKey[] {
  const listed = new Map<string, KnownKey>();
  for (const key of keys) {
    const other = listed.get(key.keyid);
    const isSooner = (key.expiresMs ?? Number.POSITIVE_INFINITY) < (other?.expiresMs ?? Number.POSITIVE_INFINITY);
    if (other === undefined || isSooner) listed.set(key.keyid, key);
  }
  return [...listed.values()].map(listRegistryKey);
}
