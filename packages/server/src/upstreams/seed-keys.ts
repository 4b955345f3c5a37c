import { readRegistryKeys, type RegistryKey } from "@assay/core";

/** The part that is read of a repository's seeds: target files, in base64, by percent-encoded name. */
type Seeds = Readonly<Record<string, { readonly targets: Readonly<Record<string, string>> }>>;

interface SeededKeys {
  readonly keys: readonly {
    readonly keyId: string;
    readonly keyUsage: string;
    readonly publicKey: {
      readonly rawBytes: string;
      readonly keyDetails: string;
      readonly validFor?: { readonly end?: string };
    };
  }[];
}

/**
 * The signing keys of a registry that Sigstore's signed metadata carries, as npm looks them up: the target
 * `<host and path>/keys.json`. Empty for most registries. The metadata comes with the library, at a pinned version.
 */
export async function seedKeys(upstreamUrl: string): Promise<readonly RegistryKey[]> {
  const { default: seeds } = await import("@sigstore/tuf/seeds.json", { with: { type: "json" } });
  const { host, pathname } = new URL(upstreamUrl);
  const target = encodeURIComponent(`${host}${pathname.replace(/\/$/, "")}/keys.json`);
  for (const { targets } of Object.values(seeds as unknown as Seeds)) {
    const encoded = Object.hasOwn(targets, target) ? targets[target] : undefined;
    if (encoded === undefined) continue;
    const { keys } = JSON.parse(Buffer.from(encoded, "base64").toString()) as SeededKeys;
    return readRegistryKeys(
      keys
        .filter(({ keyUsage, publicKey }) => {
          return keyUsage === "npm:signatures" && publicKey.keyDetails === "PKIX_ECDSA_P256_SHA_256";
        })
        .map(({ keyId, publicKey }) => ({
          keyid: keyId,
          keytype: "ecdsa-sha2-nistp256",
          scheme: "ecdsa-sha2-nistp256",
          key: publicKey.rawBytes,
          expires: publicKey.validFor?.end ?? null,
        })),
    );
  }
  return [];
}
