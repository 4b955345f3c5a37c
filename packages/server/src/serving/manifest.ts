import { AssayError, tarballFileName, type Version } from "@assay/core";
import { fillText, readPart, withParts, type Packument, type Upstreams } from "../upstreams/upstreams.ts";
import type { Serving } from "./serving.ts";
import type { ShownTarballs, View } from "./view.ts";

export interface VersionRequest {
  readonly packument: Packument;
  readonly view: View;
  readonly version: Version;
  readonly base: string;
  /** Whose tarball URL it carries. */
  readonly tarballs: ShownTarballs;
}

/** Where clients fetch a release under this base; npm 12 takes nothing else. */
export function tarballUrl(base: string, name: Packument["name"], version: Version): string {
  return `${base}/${name}/-/${tarballFileName(name, version)}`;
}

/** The full manifest of one shown version, as JSON text. Throws NOT_FOUND, BLOCKED. */
export async function readVersion(
  { serving, upstreams }: { readonly serving: Serving; readonly upstreams: Upstreams },
  { packument, view, version, base, tarballs }: VersionRequest,
): Promise<string> {
  const refused = view.refused.find((each) => each.version === version);
  if (refused !== undefined) {
    throw new AssayError("BLOCKED", {
      name: packument.name,
      version,
      rule: refused.rule,
      reason: refused.reason,
    });
  }
  const url = tarballUrl(base, packument.name, version);
  return withParts(upstreams, packument, async (held) => {
    const listed = held.versions.get(version);
    if (listed === undefined) throw new AssayError("NOT_FOUND", { what: `${packument.name}@${version}` });
    const rebound = view.rebound.filter((release) => release.version === version);
    const overlay = (await serving.documents.overlays(held, { ...view, rebound })).get(version);
    const filling = { base, tarballUrl: url, signature: view.signatures.get(version) };
    if (overlay !== undefined) return fillText(overlay.full, filling);
    const tarballUrl = tarballs === "listed" ? listed.tarball : url;
    return await readPart(held, listed, "full", { ...filling, tarballUrl });
  });
}
