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
  await unpublish(deps, principal, { name, revision: sent.revision, isTaken }, policy);
}

/** Takes away all versions of a package. */
export async function unpublishAll(
  deps: UnpublishDeps,
  principal: Principal,
  name: PackageName,
  revision: string,
  policy: UnpublishPolicy,
): Promise<void> {
  await unpublish(deps, principal, { name, revision, isTaken: () => true }, policy);
}

interface Wanted {
  readonly name: PackageName;
  readonly revision: string;
  readonly isTaken: (version: string) => boolean;
}

/**
 * The numbers are burnt, the bytes are refused from the commit on, the binds stay in the log with a record that says
 * `gone`. All or none: one version that must stay stops it.
 */
async function unpublish(
  deps: UnpublishDeps,
  principal: Principal,
  { name, revision, isTaken }: Wanted,
  { windowHours }: UnpublishPolicy,
): Promise<void> {
  await change(deps, name, async (transaction, nowMs) => {
    await requireRevision(transaction, name, revision);
    const live = await liveVersions(transaction, name);
    const taken = live.filter(({ version }) => isTaken(version));
    const others = (await manifestsNaming(transaction, name)).filter(
      (other) => !taken.some((one) => one.name === other.name && one.version === other.version),
    );
    for (const one of taken) {
      if (nowMs - one.published_at_ms > windowHours * 3_600_000)
        throw refused(one, `was published more than ${windowHours} h ago; deprecate it instead`);
      const dependant = dependantOf(one, others);
      if (dependant !== undefined)
        throw refused(one, `is needed by ${dependantInWords(deps.names, name, dependant)}; deprecate it instead`);
    }
    for (const { version: text } of taken) {
      const version = parseVersion(text);
      await setUnpublished(transaction, name, version, nowMs);
      await deps.releases.unpublished(transaction, name, version);
      await deps.checksums.claimSighting(transaction, "gone", { name, version, source: "hosted", atMs: nowMs });
      await deps.events.record(transaction, {
        kind: "release.unpublished",
        subject: `npm ${name}@${version}`,
        data: { by: principal.id },
      });
    }
    const left = live.filter((one) => !taken.includes(one)).map(({ version }) => version);
    await moveTags(deps, transaction, name, left, nowMs);
    return taken.length > 0;
  });
}

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
