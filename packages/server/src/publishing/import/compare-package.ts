import { integrityHex, isAssayError, parseIntegrity, type PackageName, type Version } from "@assay/core";
import { blobKey } from "../../platform/blobs/key.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { liveVersions, readTags, readVersion, type HostedVersion } from "../store.ts";
import type { Difference } from "./report.ts";
import type { SourcePackage, SourceVersion } from "./source.ts";
import { isSame } from "./take-version.ts";

export interface Compared {
  /** Versions that are here and equal. */
  readonly equal: number;
  readonly differences: readonly Difference[];
  /** How many of the equal ones no signed checkpoint covers yet. */
  readonly waiting: number;
}

/**
 * Holds what is here against what is there, version by version, once more from both: bytes, whether they are stored and
 * bound in a log, tags, deprecations. What `isKnown` says was not taken is no difference on top.
 */
export async function comparePackage(
  deps: Pick<PublishingDeps, "database" | "blobs"> & { readonly standing: Standing },
  { name, versions, tags }: SourcePackage,
  isKnown: (version: string) => boolean,
  signal: AbortSignal,
): Promise<Compared> {
  const differences: Difference[] = [];
  const differs = (what: string, there: string, here: string): void =>
    void differences.push({ name, what, there, here });
  const live = new Map((await liveVersions(deps.database.read, name)).map((row) => [row.version, row]));
  let equal = 0;
  let waiting = 0;
  for (const version of versions) {
    const row = live.get(version.version);
    if (row === undefined) {
      if (!isKnown(version.version)) differs(version.version, "there", await whyMissing(deps, name, version));
      continue;
    }
    if (!isSame(row, version)) {
      differs(version.version, version.integrity ?? `sha1 ${version.sha1}`, row.integrity);
      continue;
    }
    if (version.deprecated !== null && row.deprecated !== version.deprecated)
      differs(`deprecation of ${version.version}`, version.deprecated, row.deprecated ?? "none");
    const problem = await problemOf(deps, row, signal);
    if (problem === "waiting") waiting++;
    if (problem === undefined || problem === "waiting") equal++;
    else differs(version.version, "there", problem);
  }
  const here = new Map((await readTags(deps.database.read, name)).map(({ tag, version }) => [tag, version]));
  for (const [tag, target] of tags)
    if (here.get(tag) !== target && !isKnown(target) && !isKnown(`tag ${tag}`))
      differs(`the tag ${tag}`, target, here.get(tag) ?? "none");
  return { equal, differences, waiting };
}

async function whyMissing(
  { database }: Pick<PublishingDeps, "database">,
  name: PackageName,
  { version }: SourceVersion,
): Promise<string> {
  const row = await readVersion(database.read, name, version);
  return row === undefined ? "not here" : "unpublished here, and its number is never used again";
}

/** What is wrong with a version that is here; `waiting`: nothing but that the log has not come to it. */
async function problemOf(
  { blobs, standing }: Pick<PublishingDeps, "blobs"> & { readonly standing: Standing },
  { name, version, integrity }: Pick<HostedVersion, "name" | "version" | "integrity">,
  signal: AbortSignal,
): Promise<string | undefined> {
  const key = blobKey("tarball", "sha512", integrityHex(parseIntegrity(integrity)));
  if ((await blobs.stat(key)) === undefined) return "its tarball is not stored";
  const stands = await standing(name as PackageName, version as Version, signal);
  if (stands === "proven") return undefined;
  return stands === "waiting" ? "waiting" : "it is bound in no log";
}

/** How a version stands in its log. */
export type Standing = (
  name: PackageName,
  version: Version,
  signal: AbortSignal,
) => Promise<"proven" | "waiting" | "unbound">;

/** Asks the log. Once it let somebody wait in vain, nobody sequences, and nobody waits again. */
export function createStanding({ checksums }: Pick<PublishingDeps, "checksums">): Standing {
  let isSilent = false;
  return async (name, version, signal) => {
    if (isSilent) return "waiting";
    try {
      return (await checksums.lookup(name, version, signal)) === undefined ? "unbound" : "proven";
    } catch (error) {
      if (!isAssayError(error, "NOT_READY")) throw error;
      isSilent = true;
      return "waiting";
    }
  };
}
