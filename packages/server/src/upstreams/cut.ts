/**
 * The JSON text of one version's manifest with holes where a URL depends on who asks: `dist.tarball` is `""` and
 * its value belongs in at `tarballAt`; the base belongs in at `attestationsAt`, in front of the path of
 * `dist.attestations.url` (undefined: no such path). Positions count UTF-16 code units from the start.
 */
export interface CutText {
  readonly text: string;
  readonly attestationsAt: number | undefined;
  readonly tarballAt: number;
}

/** JSON objects as JSON.parse makes them. */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What follows a hole, to the end of the text: it is always the same, so that holes can be counted from the end. */
const tailOfTarball = '"}}';
const tailOfAttestations = '"},"tarball":""}}';

/** Bytes (all ASCII) from the hole of `dist.tarball` to the end of a cut text. */
export const tarballTailBytes = tailOfTarball.length;

/**
 * The text of a manifest that has a `dist` object, cut. `dist` moves to the end of it, and `tarball` and
 * `attestations` to the end of `dist`; nothing else changes. The object given is used up.
 *
 * An attestation URL below the upstream's own base URL, or with npm's usual path, is kept as a path; any other
 * stays as it is.
 */
export function cutVersion(manifest: JsonObject, upstreamUrl: string): CutText {
  const dist = isJsonObject(manifest["dist"]) ? manifest["dist"] : {};
  const attestations = dist["attestations"];
  const path = isJsonObject(attestations) ? attestationPath(attestations["url"], upstreamUrl) : undefined;
  let distText: string;
  dist["tarball"] = undefined;
  if (isJsonObject(attestations) && path !== undefined) {
    dist["attestations"] = undefined;
    attestations["url"] = undefined;
    const attestationsText = withMember(JSON.stringify(attestations), `"url":"${path}"`);
    distText = withMember(JSON.stringify(dist), `"attestations":${attestationsText}`);
  } else {
    distText = JSON.stringify(dist);
  }
  manifest["dist"] = undefined;
  const text = withMember(JSON.stringify(manifest), `"dist":${withMember(distText, '"tarball":""')}`);
  return {
    text,
    attestationsAt: path === undefined ? undefined : text.length - tailOfAttestations.length - path.length,
    tarballAt: text.length - tailOfTarball.length,
  };
}

/** Cuts the JSON text of a manifest, whatever its `dist.tarball` holds. The text is one that we wrote ourselves. */
export function cutTarball(text: string): CutText {
  return cutVersion(JSON.parse(text) as JsonObject, "");
}

/** The JSON text with its holes filled: `base` in front of the attestations' path, `tarballUrl` as the tarball. */
export function fillText({ text, attestationsAt, tarballAt }: CutText, base: string, tarballUrl: string): string {
  const cut = attestationsAt ?? 0;
  return `${text.slice(0, cut)}${attestationsAt === undefined ? "" : quoteInside(base)}${text.slice(cut, tarballAt)}${quoteInside(tarballUrl)}${text.slice(tarballAt)}`;
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
