import semver from "semver";
import { AssayError, integrityHex, isAssayError, type Integrity, type Version } from "@assay/core";
import { createTarballWriter } from "../../admission/admission.ts";
import type { ArchiveLimits } from "../../admission/inspect-archive.ts";
import type { Principal } from "../../identity/identity.ts";
import { blobKey } from "../../platform/blobs/key.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import type { JsonObject } from "../publish/json.ts";
import { liveVersions, readTags, type HostedVersion } from "../store.ts";
import { compareFiles, compareManifests, type ListedFile } from "./compare.ts";
import { listFiles, listFilesTask } from "./list-archive.ts";
import { see, shown } from "./see.ts";
import type { Review } from "./stage.ts";

/** Archives up to this many bytes take less time than the way to a thread. */
const inlineBytes = 64 * 1024;

/** `Staging.review`. */
export async function review(
  deps: PublishingDeps,
  principal: Principal,
  id: string,
  limits: ArchiveLimits,
): Promise<Review> {
  const { database } = deps;
  const stage = await see(deps, principal, id);
  const { name, version, request, archive } = stage;
  const tags = new Map((await readTags(database.read, name)).map(({ tag, version: at }) => [tag, at]));
  const before = versionBefore(await liveVersions(database.read, name), version, tags.get("latest"));
  const files = await filesOf(deps, stage.integrity, limits);
  const filesBefore = before === undefined ? [] : await filesOf(deps, before.integrity as Integrity, limits);
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

async function filesOf(
  { blobs, spool, workers }: Pick<PublishingDeps, "blobs" | "spool" | "workers">,
  integrity: Integrity,
  limits: ArchiveLimits,
): Promise<readonly ListedFile[]> {
  const key = blobKey("tarball", "sha512", integrityHex(integrity));
  const blob = await blobs.open(key);
  if (blob === undefined) throw new AssayError("BLOB_CORRUPT", { key, reason: "it is not stored" });
  const writer = createTarballWriter(spool, blob.sizeBytes);
  try {
    for await (const chunk of blob.stream as AsyncIterable<Uint8Array>) await writer.write(chunk);
  } catch (error) {
    await writer.discard();
    throw error;
  }
  await using bytes = await writer.finish();
  const input = { source: bytes.blob, sizeBytes: bytes.sizeBytes, limits };
  return await (bytes.sizeBytes <= inlineBytes ? listFiles(input) : workers.run(listFilesTask, input));
}
