import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { listRegistryKey, type ListedRegistryKey } from "@assay/core";
import { createByteCache } from "../platform/cache.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { KeyRing, KnownKey } from "../signing/signing.ts";

/** The answer of `/-/npm/v1/keys`, finished. */
export interface KeysDocument {
  readonly bytes: Uint8Array;
  /** Strong, with quotes; of the encoding too. */
  readonly etag: string;
}

export type KeysEncoding = "gzip" | "identity";

/** 10,000 keys are 2.7 MB; compressed, 1 MB. */
const cacheBytes = 16 * 1024 * 1024;
const compress = promisify(gzip);

/** Makes the key list of all owners, or of some. Each is made once, however many ask, until a key changes. */
export function createKeysDocuments(
  ring: KeyRing,
): (owners: readonly string[] | undefined, encoding: KeysEncoding) => Promise<KeysDocument> {
  const made = createByteCache<KeysDocument & { readonly generation: number }>({
    maxBytes: cacheBytes,
    sizeOf: ({ bytes }) => bytes.byteLength + 200,
  });
  const making = createSingleFlight<KeysDocument>();

  async function make(
    key: string,
    generation: number,
    owners: readonly string[] | undefined,
    encoding: KeysEncoding,
  ): Promise<KeysDocument> {
    const identity = Buffer.from(JSON.stringify({ keys: listKeys(ring.list(owners)) }));
    const bytes = encoding === "gzip" ? await compress(identity) : identity;
    const digest = createHash("sha256").update(`${encoding}\n`).update(identity).digest("base64url");
    const document = { bytes, etag: `"${digest.slice(0, 27)}"`, generation };
    made.set(key, document);
    return document;
  }

  return async (owners, encoding) => {
    const key = `${encoding} ${owners === undefined ? "*" : JSON.stringify(owners)}`;
    const { generation } = ring;
    const known = made.get(key);
    if (known?.generation === generation) return known;
    return await making.run(`${generation} ${key}`, () => make(key, generation, owners, encoding));
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
