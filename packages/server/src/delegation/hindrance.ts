import { isAssayError, type Integrity, type Version } from "@assay/core";
import type { Checksums } from "../checksums/checksums.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { FoundDelegation } from "./store.ts";

/**
 * What is in the way of a delegation now, in words; undefined when nothing is: its owner still tags the release that
 * says it as `latest`, and the new registry lists every bound version with the bound bytes. So no version is lost, and
 * none becomes another.
 */
export async function hindrance(
  deps: {
    readonly checksums: Pick<Checksums, "bindsOf">;
    readonly upstreams: Pick<Upstreams, "packument" | "listingAt" | "ownerOf">;
  },
  { name, version, fromAlias }: FoundDelegation,
  target: string,
): Promise<string | undefined> {
  const { upstreams } = deps;
  if (upstreams.ownerOf(name) !== fromAlias) return `${fromAlias} does not own the name any more`;
  try {
    const { tags, stale } = await upstreams.packument(name);
    if (stale !== undefined) return `${fromAlias} does not answer`;
    if (tags["latest"] !== version) return `latest is not ${version} at ${fromAlias}`;
    const listed = await upstreams.listingAt(target, name);
    if (typeof listed === "string") return `${target} ${listed}`;
    return missing(listed, await deps.checksums.bindsOf(name), target);
  } catch (error) {
    if (!isAssayError(error) || error.status === 500) throw error;
    return error.message.replace(/\.$/, "");
  }
}

function missing(
  listed: ReadonlyMap<Version, Integrity>,
  binds: ReadonlyMap<Version, { readonly integrity: Integrity }>,
  target: string,
): string | undefined {
  const absent = [...binds.keys()].filter((bound) => !listed.has(bound));
  if (absent.length > 0) return `${target} does not list ${inWords(absent)}`;
  const other = [...binds].filter(([bound, { integrity }]) => listed.get(bound) !== integrity).map(([bound]) => bound);
  return other.length > 0 ? `${target} lists other bytes for ${inWords(other)}` : undefined;
}

function inWords(versions: readonly Version[]): string {
  const shown = versions.slice(0, 5).join(", ");
  return versions.length > 5 ? `${shown} and ${versions.length - 5} more` : shown;
}
