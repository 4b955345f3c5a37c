import semver from "semver";
import { AssayError, parseVersion, type PackageName, type Version } from "@assay/core";
import { actOf, doerOf, type Doer } from "../../identity/identity.ts";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import { isOpenTag } from "../publish/entry.ts";
import { isJsonObject, type JsonObject } from "../publish/json.ts";
import {
  fetchedVersions,
  liveVersions,
  manifestsNaming,
  putTag,
  readTags,
  removeTag,
  setUnpublished,
} from "../store.ts";
import { change, type ChangeDeps } from "./change.ts";
import { dependantInWords, dependantOf, type Listed } from "./dependants.ts";
import { requireRevision } from "./revision.ts";

export interface UnpublishPolicy {
  /** A version older than this stays. */
  readonly windowHours: number;
}

const longestReason = 1000;

/**
 * Takes versions away though they are old or others need them: for whoever runs the registry. `version` undefined: all
 * of them. The reason stands in the event. Throws BAD_REQUEST for none, NOT_FOUND.
 */
export async function unpublishByForce(
  deps: ChangeDeps,
  by: string,
  {
    name,
    version,
    reason,
  }: { readonly name: PackageName; readonly version: Version | undefined; readonly reason: string },
): Promise<readonly string[]> {
  if (reason.trim() === "" || reason.length > longestReason)
    throw new AssayError("BAD_REQUEST", { reason: `it needs a reason, of at most ${longestReason} characters` });
  const doer = doerOf({ id: by, address: "" });
  const versions = version === undefined ? await versionsOf(deps.database.read, name) : [version];
  const taken = await unpublish(deps, doer, { name, revision: undefined, versions }, { reason });
  if (taken.length === 0)
    throw new AssayError("NOT_FOUND", { what: `A published ${name}${version === undefined ? "" : `@${version}`}` });
  return taken;
}

interface Wanted {
  readonly name: PackageName;
  readonly versions: readonly string[];
  /** Undefined: of any. */
  readonly revision: string | undefined;
}

/** The versions that a packument which a client sends back does not have any more. Throws BAD_REQUEST. */
export async function versionsMissing(
  reader: Reader,
  name: PackageName,
  document: JsonObject,
): Promise<readonly string[]> {
  const { versions } = document;
  if (!isJsonObject(versions)) throw new AssayError("BAD_REQUEST", { reason: "it brings no versions" });
  return (await versionsOf(reader, name)).filter((version) => !Object.hasOwn(versions, version));
}

/** All that can be taken away. */
export async function versionsOf(reader: Reader, name: PackageName): Promise<readonly string[]> {
  return (await liveVersions(reader, name)).map(({ version }) => version);
}

/**
 * The numbers are burnt, the bytes are refused from the commit on, the binds stay in the log with a record that says
 * `gone`. All or none: one version that must stay stops it. Answers the versions. Throws CONFLICT when the document is
 * of another revision, FORBIDDEN, NOT_FOUND.
 */
export async function unpublish(
  deps: ChangeDeps,
  by: Doer,
  { name, revision, versions }: Wanted,
  policy: UnpublishPolicy | { readonly reason: string },
): Promise<readonly string[]> {
  let gone: readonly string[] = [];
  await change(deps, by, name, async (transaction, nowMs) => {
    await requireRevision(transaction, name, revision);
    const live = await liveVersions(transaction, name);
    const taken = live.filter(({ version }) => versions.includes(version));
    if ("windowHours" in policy) await requireDispensable(deps, transaction, { name, taken, nowMs }, policy);
    for (const { version: text } of taken) {
      const version = parseVersion(text);
      await setUnpublished(transaction, name, version, nowMs);
      await deps.releases.unpublished(transaction, name, version);
      await deps.checksums.claimSighting(transaction, "gone", { name, version, source: "hosted", atMs: nowMs });
      await deps.events.record(transaction, {
        kind: "release.unpublished",
        subject: `npm ${name}@${version}`,
        data: { by: by.id, ...("reason" in policy ? { reason: policy.reason } : {}) },
        act: actOf(by, deps.names.organisationOf(name)),
      });
    }
    const left = live.filter((one) => !taken.includes(one)).map(({ version }) => version);
    await moveTags(deps, transaction, name, left, nowMs);
    await countGone(deps, transaction, name, { taken, left });
    gone = taken.map(({ version }) => version);
    return taken.length > 0;
  });
  return gone;
}

/** Throws FORBIDDEN for what is too old, what others have, and what something needs that stays. */
async function requireDispensable(
  { names }: Pick<ChangeDeps, "names">,
  transaction: Transaction,
  { name, taken, nowMs }: { readonly name: PackageName; readonly taken: readonly Live[]; readonly nowMs: number },
  { windowHours }: UnpublishPolicy,
): Promise<void> {
  const others = (await manifestsNaming(transaction, name)).filter(
    (other) => !taken.some((one) => one.name === other.name && one.version === other.version),
  );
  const fetched = await fetchedVersions(transaction, name);
  for (const one of taken) {
    if (nowMs - one.published_at_ms > windowHours * 3_600_000)
      throw refused(one, `was published more than ${windowHours} h ago; deprecate it instead`);
    if (fetched.has(one.version))
      throw refused(
        one,
        "was fetched by others; deprecate it instead, or have it taken away by whoever runs the registry (assay names unpublish)",
      );
    const dependant = dependantOf(one, others);
    if (dependant !== undefined)
      throw refused(one, `is needed by ${dependantInWords(names, name, dependant)}; deprecate it instead`);
  }
}

type Live = Awaited<ReturnType<typeof liveVersions>>[number];

/** Its organisation has room again from the commit on. */
async function countGone(
  { quotas, checksums }: ChangeDeps,
  transaction: Transaction,
  name: PackageName,
  { taken, left }: { readonly taken: readonly Live[]; readonly left: readonly string[] },
): Promise<void> {
  if (taken.length === 0) return;
  const binds = await checksums.bindsOf(name, transaction);
  const sizes = taken.map(({ version }) => binds.get(parseVersion(version))?.sizeBytes ?? 0);
  await quotas.count(transaction, name, {
    packages: left.length === 0 ? -1 : 0,
    versions: -taken.length,
    sizeBytes: -sizes.reduce((sum, size) => sum + size, 0),
  });
}

/** Tags of what is gone are gone; `latest` goes to the highest release that is left, where a publish could set it. */
async function moveTags(
  deps: ChangeDeps,
  transaction: Transaction,
  name: PackageName,
  left: readonly string[],
  nowMs: ReturnType<ChangeDeps["clock"]["now"]>,
): Promise<void> {
  for (const { tag, version } of await readTags(transaction, name)) {
    if (left.includes(version)) continue;
    const sorted = left.toSorted(semver.rcompare);
    const moves = tag === "latest" && isOpenTag(deps.entry, name, tag);
    const next = moves ? (sorted.find((one) => semver.prerelease(one) === null) ?? sorted[0]) : undefined;
    if (next === undefined) await removeTag(transaction, name, tag);
    else await putTag(transaction, name, tag, next as Version, nowMs);
    const to = next === undefined ? "-" : parseVersion(next);
    const from = parseVersion(version);
    await deps.checksums.claimTag(transaction, { name, tag, from, to, source: "hosted", atMs: nowMs });
  }
}

function refused({ name, version }: Listed, reason: string): AssayError<"FORBIDDEN"> {
  return new AssayError("FORBIDDEN", { reason: `${name}@${version} ${reason}` });
}
