import semver from "semver";
import { isAssayError, type Integrity, type Version } from "@assay/core";
import type { Principal } from "../../identity/identity.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { JsonObject } from "../publish/json.ts";
import { liveVersions, readTags, type HostedVersion } from "../store.ts";
import type { ArchiveLists } from "./archive-lists.ts";
import { compareFiles, compareManifests } from "./compare.ts";
import { see, shown } from "./see.ts";
import type { Review } from "./stage.ts";

/** `Staging.review`. */
export async function review(
  deps: PublishingDeps,
  principal: Principal,
  id: string,
  lists: ArchiveLists,
): Promise<Review> {
  const { database } = deps;
  const stage = await see(deps, principal, id);
  const { name, version, request, archive } = stage;
  const tags = new Map((await readTags(database.read, name)).map(({ tag, version: at }) => [tag, at]));
  const before = versionBefore(await liveVersions(database.read, name), version, tags.get("latest"));
  const files = await lists.of(stage.integrity);
  const filesBefore = before === undefined ? [] : await lists.of(before.integrity as Integrity);
  const manifestBefore = before === undefined ? {} : (JSON.parse(before.manifest) as JsonObject);
  return {
    stage: shown(deps, stage),
    before: before?.version as Version | undefined,
    unpackedBytes: archive.unpackedBytes,
    files: compareFiles(filesBefore, files),
    ...compareManifests(manifestBefore, request.manifest),
    hasGypFile: archive.hasGypFile,
    provenance: request.provenance !== undefined,
    together: stage.approval === undefined ? undefined : await togetherOf(deps, principal, stage.approval),
  };
}

async function togetherOf(
  { approvals }: PublishingDeps,
  principal: Principal,
  id: string,
): Promise<Review["together"]> {
  try {
    const { needed, counting, expiresAtMs } = await approvals.find(principal, id);
    return { needed, expiresAtMs, approvers: counting.map(({ voterName }) => voterName) };
  } catch (error) {
    // Whoever only stages sees the version and not who decides on it.
    if (isAssayError(error, "NOT_FOUND")) return undefined;
    throw error;
  }
}

/** The greatest below it: a fix of an old line is compared with that line. */
export function versionBefore<Row extends Pick<HostedVersion, "version">>(
  rows: readonly Row[],
  version: Version,
  latest: string | undefined,
): Row | undefined {
  const below = rows.filter((row) => semver.lt(row.version, version));
  const greatest = below.toSorted((a, b) => semver.rcompare(a.version, b.version))[0];
  return greatest ?? rows.find((row) => row.version === latest);
}
