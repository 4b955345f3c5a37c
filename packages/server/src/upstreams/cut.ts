import type { RegistrySignature } from "@assay/core";

/**
 * The JSON text of one version's manifest with holes where it depends on who asks and when: `dist.tarball` is `""` and
 * its value belongs in at `tarballAt`; the base belongs in at `attestationsAt`, in front of the path of
 * `dist.attestations.url` (undefined: no such path); our signature belongs in at `signaturesAt`, behind the listed
 * ones when the version `isSigned`, else with the member that holds it (`signatureText`). Positions count UTF-16
 * code units from the start.
 */
export interface CutText {
  readonly text: string;
  readonly attestationsAt: number | undefined;
  readonly signaturesAt: number;
  readonly isSigned: boolean;
  readonly tarballAt: number;
}

/** What fills the holes of a text. */
export interface Filling {
  /** Public URL of this registry, no trailing slash. */
  readonly base: string;
  readonly tarballUrl: string;
  /** Ours, when the version is bound. */
  readonly signature?: RegistrySignature | undefined;
}

/** JSON objects as JSON.parse makes them. */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What follows a hole, to the end of the text: it is always the same, so that holes can be counted from the end. */
const tailOfTarball = '"}}';
const tailOfSignatures = '],"tarball":""}}';
const tailOfNoSignatures = '"tarball":""}}';

/** Bytes (all ASCII) from the hole of `dist.tarball` to the end of a cut text. */
export const tarballTailBytes = tailOfTarball.length;

/** Bytes (all ASCII) from the hole of our signature to the end of a cut text. */
export function signaturesTailBytes(isSigned: boolean): number {
  return (isSigned ? tailOfSignatures : tailOfNoSignatures).length;
}

/**
 * The text of a manifest that has a `dist` object, cut. `dist` moves to the end of it, and `attestations`,
 * `signatures` and `tarball` to the end of `dist`; a `signatures` that is no list of some goes; nothing else changes.
 * The object given is used up.
 *
 * An attestation URL below the upstream's own base URL, or with npm's usual path, is kept as a path; any other
 * stays as it is.
 */
export function cutVersion(manifest: JsonObject, upstreamUrl: string): CutText {
  const dist = isJsonObject(manifest["dist"]) ? manifest["dist"] : {};
  const { attestations, signatures } = dist;
  const path = isJsonObject(attestations) ? attestationPath(attestations["url"], upstreamUrl) : undefined;
  const isSigned = Array.isArray(signatures) && signatures.length > 0;
  dist["tarball"] = undefined;
  dist["signatures"] = undefined;
  if (path !== undefined) dist["attestations"] = undefined;
  let distText = JSON.stringify(dist);
  if (isJsonObject(attestations) && path !== undefined) {
    attestations["url"] = undefined;
    distText = withMember(distText, `"attestations":${withMember(JSON.stringify(attestations), `"url":"${path}"`)}`);
  }
  const signaturesText = isSigned ? `"signatures":${JSON.stringify(signatures)},` : "";
  manifest["dist"] = undefined;
  const text = withMember(JSON.stringify(manifest), `"dist":${withMember(distText, `${signaturesText}"tarball":""`)}`);
  // Behind the path: its quote and object end, a comma, what is signed, the tarball.
  const behindPath = '"},'.length + signaturesText.length + tailOfNoSignatures.length;
  return {
    text,
    attestationsAt: path === undefined ? undefined : text.length - behindPath - path.length,
    signaturesAt: text.length - signaturesTailBytes(isSigned),
    isSigned,
    tarballAt: text.length - tailOfTarball.length,
  };
}

/** Cuts the JSON text of a manifest, whatever its `dist.tarball` holds. The text is one that we wrote ourselves. */
export function cutTarball(text: string): CutText {
  return cutVersion(JSON.parse(text) as JsonObject, "");
}

/** The JSON text with its holes filled. */
export function fillText(cut: CutText, { base, tarballUrl, signature }: Filling): string {
  const { text, attestationsAt, signaturesAt, isSigned, tarballAt } = cut;
  const first = attestationsAt ?? 0;
  const head = `${text.slice(0, first)}${attestationsAt === undefined ? "" : quoteInside(base)}`;
  const middle = `${text.slice(first, signaturesAt)}${signatureText(signature, isSigned)}`;
  return `${head}${middle}${text.slice(signaturesAt, tarballAt)}${quoteInside(tarballUrl)}${text.slice(tarballAt)}`;
}

/** Our signature as it stands in its hole; nothing without one. */
export function signatureText(signature: RegistrySignature | undefined, isSigned: boolean): string {
  if (signature === undefined) return "";
  const { keyid, sig } = signature;
  const entry = JSON.stringify({ keyid, sig });
  return isSigned ? `,${entry}` : `"signatures":[${entry}],`;
}

/** A string as it stands between the quotes of a JSON string. */
export function quoteInside(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

const usualPath = "/-/npm/v1/attestations/";

function attestationPath(url: unknown, upstreamUrl: string): string | undefined {
  if (typeof url !== "string") return undefined;
  const at = url.startsWith(`${upstreamUrl}/-/`) ? upstreamUrl.length : url.indexOf(usualPath);
  const path = at < 0 ? "" : url.slice(at);
  // Without quotes, backslashes and non-ASCII a path is the same text in JSON and the same length in bytes.
  return /^\/[!#-[\]-~]+$/.test(path) ? path : undefined;
}

function withMember(objectText: string, member: string): string {
  return objectText === "{}" ? `{${member}}` : `${objectText.slice(0, -1)},${member}}`;
}
