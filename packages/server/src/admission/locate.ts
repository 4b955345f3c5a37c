import {
  AssayError,
  type Integrity,
  type PackageName,
  type Version,
  manifestDigest,
  manifestFragmentText,
  parseJson,
} from "@assay/core";
import type { UpstreamConfig } from "../config/config.ts";
import { type ListedVersion, type Packument, type Upstreams, readListed, withParts } from "../upstreams/upstreams.ts";
import { sha256 } from "./digests.ts";

/** What the bytes of a version must be equal to. */
export type Basis =
  | { readonly kind: "sha512"; readonly integrity: Integrity }
  | { readonly kind: "sha1"; readonly hex: string }
  | { readonly kind: "none" };

/** A version as its upstream lists it, read once. */
export interface Located {
  readonly packument: Packument;
  readonly listed: ListedVersion;
  readonly basis: Basis;
  /** The version object of the packument. */
  readonly manifest: unknown;
  /** Canonical text of its fragment, and its digest `sha256-<base64>`. */
  readonly fragment: string;
  readonly manifestDigest: string;
}

export interface LocateDeps {
  readonly upstreams: Pick<Upstreams, "packument" | "reload">;
  /** What this upstream's versions without sha512 are worth. */
  readonly integrityPolicy: (source: string) => UpstreamConfig["integrity"];
}

/** Finds the version in what its owner lists. Throws NOT_FOUND, and what `Upstreams.packument` throws. */
export async function findListed(
  upstreams: Pick<Upstreams, "packument">,
  name: PackageName,
  version: Version,
): Promise<Pick<Located, "packument" | "listed">> {
  const packument = await upstreams.packument(name);
  const listed = packument.versions.get(version);
  if (listed === undefined) throw new AssayError("NOT_FOUND", { what: `${name}@${version}` });
  return { packument, listed };
}

/**
 * First step: what the upstream lists, and what the policy makes of it. Nothing is stored; a crash leaves
 * nothing. Throws NOT_FOUND, BLOCKED (no usable digest, a manifest that cannot be digested).
 */
export async function locate(deps: LocateDeps, name: PackageName, version: Version): Promise<Located> {
  const { packument, listed } = await findListed(deps.upstreams, name, version);
  const basis = basisOf(listed, deps.integrityPolicy(packument.source));
  if (basis === undefined) {
    throw new AssayError("BLOCKED", {
      name,
      version,
      rule: "upstream/no-integrity",
      reason: "its upstream lists no digest that the policy accepts",
    });
  }
  if (listed.manifest === undefined) {
    throw new AssayError("BLOCKED", {
      name,
      version,
      rule: "manifest/listing",
      reason: "its upstream lists a manifest that cannot be digested",
    });
  }
  // Read now: the parts file may be replaced while the tarball comes in.
  const manifest = await withParts(deps.upstreams, packument, async (held) => {
    const again = held.versions.get(version) ?? listed;
    return parseJson(await readListed(held, again, "full")).value;
  });
  const fragment = manifestFragmentText(Object(manifest));
  const digest = manifestDigest(sha256, fragment);
  if (digest !== listed.manifest) {
    throw new AssayError("UPSTREAM_BAD_ANSWER", {
      source: packument.source,
      reason: `the stored listing of ${name}@${version} is damaged`,
    });
  }
  return { packument, listed, basis, manifest, fragment, manifestDigest: digest };
}

/** The strongest listed digest that the policy accepts. A weaker one beside it decides nothing. */
export function basisOf(
  listed: Pick<ListedVersion, "integrity" | "shasum">,
  policy: UpstreamConfig["integrity"],
): Basis | undefined {
  if (listed.integrity !== undefined) return { kind: "sha512", integrity: listed.integrity };
  if (policy === "require") return undefined;
  if (listed.shasum !== undefined) return { kind: "sha1", hex: listed.shasum };
  return policy === "compute" ? { kind: "none" } : undefined;
}
