import semver from "semver";
import { AssayError, parseVersion, type PackageName, type Version } from "@assay/core";
import type { Principal } from "../../identity/identity.ts";
import type { Transaction } from "../../platform/database/database.ts";
import type { PublishingDeps } from "../create-publishing.ts";
import { isJsonObject, type JsonObject } from "../publish/json.ts";
import { liveVersions, manifestsNaming, putTag, readTags, removeTag, setUnpublished } from "../store.ts";
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
  deps: UnpublishDeps,
  by: string,
  {
    name,
    version,
    reason,
  }: { readonly name: PackageName; readonly version: Version | undefined; readonly reason: string },
): Promise<readonly string[]> {
  if (reason.trim() === "" || reason.length > longestReason)
    throw new AssayError("BAD_REQUEST", { reason: `it needs a reason, of at most ${longestReason} characters` });
  const isTaken = (each: string): boolean => version === undefined || each === version;
  const taken = await unpublish(deps, by, { name, revision: undefined, isTaken }, { reason });
  if (taken.length === 0)
    throw new AssayError("NOT_FOUND", { what: `A published ${name}${version === undefined ? "" : `@${version}`}` });
  return taken;
}

type UnpublishDeps = ChangeDeps & Pick<PublishingDeps, "names">;

/**
 * Takes away the versions that a packument which a client sends back does not have any more. Throws BAD_REQUEST,
 * CONFLICT, FORBIDDEN, NOT_FOUND.
 */
export async function unpublishMissing(
  deps: UnpublishDeps,
  principal: Principal,
  name: PackageName,
  sent: { readonly document: JsonObject; readonly revision: string },
  policy: UnpublishPolicy,
): Promise<void> {
  const { versions } = sent.document;
  if (!isJsonObject(versions)) throw new AssayError("BAD_REQUEST", { reason: "it brings no versions" });
  const isTaken = (version: string): boolean => !Object.hasOwn(versions, version);
  await unpublish(deps, principal.id, { name, revision: sent.revision, isTaken }, policy);
}

/** Takes away all versions of a package. */
export async function unpublishAll(
  deps: UnpublishDeps,
  principal: Principal,
  name: PackageName,
  revision: string,
  policy: UnpublishPolicy,
): Promise<void> {
  await unpublish(deps, principal.id, { name, revision, isTaken: () => true }, policy);
}

interface Wanted {
  readonly name: PackageName;
  /** Undefined: whatever it is. */
  readonly revision: string | undefined;
  readonly isTaken: (version: string) => boolean;
}

/**
 * The numbers are burnt, the bytes are refused from the commit on, the binds stay in the log with a record that says
 * `gone`. All or none: one version that must stay stops it. Answers the versions.
 */
async function unpublish(
  deps: UnpublishDeps,
  by: string,
  { name, revision, isTaken }: Wanted,
  policy: UnpublishPolicy | { readonly reason: string },
): Promise<readonly string[]> {
  let gone: readonly string[] = [];
  await change(deps, name, async (transaction, nowMs) => {
    await requireRevision(transaction, name, revision);
    const live = await liveVersions(transaction, name);
    const taken = live.filter(({ version }) => isTaken(version));
    if ("windowHours" in policy) await requireDispensable(deps, transaction, { name, taken, nowMs }, policy);
    for (const { version: text } of taken) {
      const version = parseVersion(text);
      await setUnpublished(transaction, name, version, nowMs);
      await deps.releases.unpublished(transaction, name, version);
      await deps.checksums.claimSighting(transaction, "gone", { name, version, source: "hosted", atMs: nowMs });
      await deps.events.record(transaction, {
        kind: "release.unpublished",
        subject: `npm ${name}@${version}`,
        data: { by, ...("reason" in policy ? { reason: policy.reason } : {}) },
      });
    }
    const left = live.filter((one) => !taken.includes(one)).map(({ version }) => version);
    await moveTags(deps, transaction, name, left, nowMs);
    gone = taken.map(({ version }) => version);
    return taken.length > 0;
  });
  return gone;
}

/** Throws FORBIDDEN for what is too old, or needed by something that stays. */
async function requireDispensable(
  { names }: Pick<UnpublishDeps, "names">,
  transaction: Transaction,
  { name, taken, nowMs }: { readonly name: PackageName; readonly taken: readonly Live[]; readonly nowMs: number },
  { windowHours }: UnpublishPolicy,
): Promise<void> {
  const others = (await manifestsNaming(transaction, name)).filter(
    (other) => !taken.some((one) => one.name === other.name && one.version === other.version),
  );
  for (const one of taken) {
    if (nowMs - one.published_at_ms > windowHours * 3_600_000)
      throw refused(one, `was published more than ${windowHours} h ago; deprecate it instead`);
    const dependant = dependantOf(one, others);
    if (dependant !== undefined)
      throw refused(one, `is needed by ${dependantInWords(names, name, dependant)}; deprecate it instead`);
  }
}

type Live = Awaited<ReturnType<typeof liveVersions>>[number];

/** Tags of what is gone are gone; `latest` goes to the highest release that is left. */
async function moveTags(
  deps: UnpublishDeps,
  transaction: Transaction,
  name: PackageName,
  left: readonly string[],
  nowMs: ReturnType<ChangeDeps["clock"]["now"]>,
): Promise<void> {
  for (const { tag, version } of await readTags(transaction, name)) {
    if (left.includes(version)) continue;
    const sorted = left.toSorted(semver.rcompare);
    const next = tag === "latest" ? (sorted.find((one) => semver.prerelease(one) === null) ?? sorted[0]) : undefined;
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
