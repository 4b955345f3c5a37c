import { readFile } from "node:fs/promises";
import {
  AssayError,
  isAssayError,
  parseRegistryKeyList,
  parseRegistryPublicKey,
  registryKeyId,
  type RegistryKey,
} from "@assay/core";
import type { UpstreamConfig } from "../config/config.ts";

/**
 * The signing keys that the configuration pins, by alias; an upstream without any is not in it. `keys` are named by
 * their fingerprint and never expire; `keysFile` has the form of `/-/npm/v1/keys`. Throws CONFIG, naming the file.
 */
export async function readPinnedKeys(
  upstreams: readonly UpstreamConfig[],
): Promise<ReadonlyMap<string, readonly RegistryKey[]>> {
  const pinned = new Map<string, readonly RegistryKey[]>();
  for (const { name, keys, keysFile } of upstreams) {
    const all = [...keys.map(pinnedKey), ...(keysFile === undefined ? [] : await readKeysFile(name, keysFile))];
    if (keys.length > 0 || keysFile !== undefined) pinned.set(name, all);
  }
  return pinned;
}

function pinnedKey(spki: string): RegistryKey {
  const publicKey = parseRegistryPublicKey(spki);
  return { keyid: registryKeyId(publicKey), publicKey, expiresMs: undefined };
}

async function readKeysFile(alias: string, path: string): Promise<RegistryKey[]> {
  try {
    const keys = parseRegistryKeyList(await readFile(path, "utf8"));
    if (keys.length > 0) return keys;
  } catch (cause) {
    const reason = isAssayError(cause, "BAD_FORMAT") ? `is refused: ${cause.details.reason}` : "cannot be read";
    throw new AssayError("CONFIG", { reason: `keysFile of upstream ${alias} (${path}) ${reason}.` }, { cause });
  }
  throw new AssayError("CONFIG", {
    reason: `keysFile of upstream ${alias} (${path}) holds no ECDSA P-256 key; leave it out to take the keys that the registry publishes.`,
  });
}
