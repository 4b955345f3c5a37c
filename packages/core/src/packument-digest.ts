import { encodeUtf8, toBase64 } from "./bytes.ts";
import type { Sha256 } from "./hash.ts";
import { canonicalJson, isPlainObject } from "./jcs.ts";

/** What a hosted package is as a whole. */
export interface PackumentState {
  readonly name: string;
  /** By tag. */
  readonly distTags: Readonly<Record<string, string>>;
  /** By version: `versionDigest` of its object in the full packument. */
  readonly versions: Readonly<Record<string, string>>;
  /** By version: when it was published, as the packument's `time` says it. */
  readonly time: Readonly<Record<string, string>>;
}

/** Members of `dist` that depend on the URL of the request, or on keys that are changed. */
const servedMembers = new Set(["tarball", "signatures", "npm-signature", "attestations"]);

/**
 * Digest of one version in a packument: all of its object but what a registry adds while serving it. Made once a change
 * of the version, so that the digest of a package with thousands of versions costs little.
 * Spec: docs/formats/packument-digest.md. Throws BAD_FORMAT on what JSON cannot hold exactly.
 */
export function versionDigest(sha256: Sha256, version: object): string {
  const dist: unknown = Reflect.get(version, "dist");
  const kept = isPlainObject(dist)
    ? { ...version, dist: Object.fromEntries(Object.entries(dist).filter(([member]) => !servedMembers.has(member))) }
    : version;
  return digestOf(sha256, kept);
}

/**
 * Digest of a package's versions, tags and times: what a `head` record holds.
 * Spec: docs/formats/packument-digest.md. Throws BAD_FORMAT on what JSON cannot hold exactly.
 */
export function packumentDigest(sha256: Sha256, { name, distTags, versions, time }: PackumentState): string {
  const times = Object.fromEntries(Object.entries(time).filter(([version]) => Object.hasOwn(versions, version)));
  return digestOf(sha256, { name, "dist-tags": distTags, versions, time: times });
}

function digestOf(sha256: Sha256, value: unknown): string {
  return `sha256-${toBase64(sha256(encodeUtf8(canonicalJson(value))))}`;
}
