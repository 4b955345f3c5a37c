import { generateKeyPairSync, sign } from "node:crypto";
import {
  listRegistryKey,
  parseRegistryPublicKey,
  registryKeyId,
  type ListedRegistryKey,
  type RegistryKey,
  type RegistrySignature,
} from "@assay/core";
import type { TestUpstream } from "./upstream.ts";

/** A registry's signing key, with what it signs. */
export interface RegistrySigner {
  readonly key: RegistryKey;
  /** As `/-/npm/v1/keys` lists it. */
  readonly listed: ListedRegistryKey;
  sign(release: { readonly name: string; readonly version: string; readonly integrity: string }): RegistrySignature;
}

/** A new P-256 key. `keyid` is its fingerprint by default. */
export function createRegistrySigner(options: { keyid?: string; expiresMs?: number } = {}): RegistrySigner {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const read = parseRegistryPublicKey(publicKey.export({ format: "der", type: "spki" }).toString("base64"));
  const keyid = options.keyid ?? registryKeyId(read);
  const key: RegistryKey = { keyid, publicKey: read, expiresMs: options.expiresMs };
  return {
    key,
    listed: listRegistryKey(key),
    sign({ name, version, integrity }) {
      const message = Buffer.from(`${name}@${version}:${integrity}`);
      return { keyid, sig: sign("sha256", message, privateKey).toString("base64") };
    },
  };
}

/** Lets the upstream publish these keys, and no others. */
export function publishKeys(upstream: TestUpstream, ...signers: readonly RegistrySigner[]): void {
  const keys = signers.map(({ listed }) => listed);
  upstream.put("/-/npm/v1/keys", JSON.stringify({ keys }), { "content-type": "application/json" });
}

/** Puts signatures into the listing of a version, in place of those that were there. */
export function setSignatures(upstream: TestUpstream, name: string, version: string, signatures: unknown): void {
  upstream.edit(name, (document) => {
    const manifest = document.versions[version];
    if (manifest === undefined) throw new Error(`${name}@${version} is not listed`);
    if (signatures === undefined) delete manifest.dist["signatures"];
    else manifest.dist["signatures"] = signatures;
  });
}
