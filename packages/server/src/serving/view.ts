import semver from "semver";
import type { PackageName, RegistrySignature, Version } from "@assay/core";
import type { BoundRelease, PackageState } from "../releases/releases.ts";
import { foreignOwner, refuseKeyids, type SignatureContext } from "../signing/signing.ts";
import type { ListedVersion, Packument } from "../upstreams/upstreams.ts";

/** Whose tarball URLs documents carry: ours, or those that the owner lists. */
export type ShownTarballs = "here" | "listed";

/** What a package shows here and now: decided from what its owner lists and what `releases` holds. */
export interface View {
  readonly name: PackageName;
  /** Shown versions, in the order the owner lists them. */
  readonly versions: readonly ListedVersion[];
  readonly tags: Readonly<Record<string, Version>>;
  /** Listed versions that must not show, with why. */
  readonly refused: readonly {
    readonly version: Version;
    readonly rule: string;
    readonly reason: string;
  }[];
  /** Shown versions whose listed integrity or manifest is not the bound one, or of which signatures are withheld. */
  readonly rebound: readonly BoundRelease[];
  /**
   * keyids of signatures that bound versions are listed with by now and that are not handed on: clients would take
   * them for the owner's. A version that is not bound is refused instead.
   */
  readonly withheld: ReadonlyMap<Version, readonly string[]>;
  /**
   * Our signatures of the shown versions that are bound. They do not move `modifiedMs`: it tells clients how young a
   * version may be.
   */
  readonly signatures: ReadonlyMap<Version, RegistrySignature>;
  readonly modifiedMs: number;
  /** ISO first-seen times of shown versions for which the owner lists no time: some clients refuse a version without. */
  readonly times: Readonly<Record<string, string>>;
}

/**
 * Decides what shows. Pure. Refused versions vanish; tags that pointed at them are recomputed (`latest` goes to
 * the highest remaining release) or dropped, so that none dangles; `modified` moves with every visible change.
 */
export function decideView(packument: Packument, state: PackageState, context: SignatureContext): View {
  const versions: ListedVersion[] = [];
  const refused: View["refused"][number][] = [];
  const rebound: BoundRelease[] = [];
  const signatures = new Map<Version, RegistrySignature>();
  const withheld = new Map<Version, readonly string[]>();
  for (const listed of packument.versions.values()) {
    const bound = state.binds.get(listed.version);
    const refusal =
      state.refused.get(listed.version) ?? (bound === undefined ? refuseUnbound(listed, state, context) : undefined);
    if (refusal !== undefined) {
      refused.push({ version: listed.version, ...refusal });
      continue;
    }
    versions.push(listed);
    if (bound === undefined) continue;
    const foreign = listed.keyids.filter((keyid) => foreignOwner(context, keyid) !== undefined);
    if (foreign.length > 0) withheld.set(listed.version, foreign);
    if (bound.integrity !== listed.integrity || bound.manifest !== listed.manifest || foreign.length > 0)
      rebound.push(bound);
    if (bound.signature !== undefined) signatures.set(bound.version, bound.signature);
  }
  const times: Record<string, string> = {};
  for (const { version, publishedMs } of versions) {
    const firstSeenMs = publishedMs === undefined ? state.firstSeenMs.get(version) : undefined;
    if (firstSeenMs !== undefined) times[version] = new Date(firstSeenMs).toISOString();
  }
  const shown = new Set(versions.map((listed) => listed.version));
  return {
    name: packument.name,
    versions,
    tags: showTags(packument, shown),
    refused,
    rebound,
    withheld,
    signatures,
    modifiedMs: Math.max(packument.modifiedMs, refused.length + rebound.length > 0 ? state.changedAtMs : 0),
    times,
  };
}

/** Auditors examined other bytes than the owner lists, or the signatures are not what they must be. */
function refuseUnbound(
  { version, integrity, keyids, publishedMs }: ListedVersion,
  { examined }: PackageState,
  context: SignatureContext,
): { readonly rule: string; readonly reason: string } | undefined {
  const bytes = examined?.get(version);
  if (bytes === undefined || integrity === undefined || bytes === integrity)
    return refuseKeyids(context, keyids, publishedMs);
  return { rule: "auditor/other-bytes", reason: "its auditors examined other bytes than its registry lists" };
}

function showTags({ tags, isPartial = false }: Packument, shown: ReadonlySet<Version>): Record<string, Version> {
  const result: Record<string, Version> = {};
  for (const [tag, version] of Object.entries(tags)) {
    if (shown.has(version)) result[tag] = version;
  }
  // Of a part of a listing the highest version may be far behind the one that the owner means.
  const latest = result["latest"] ?? (isPartial ? undefined : highest(shown));
  return latest === undefined ? result : { ...result, latest };
}

/** The highest release, else the highest prerelease, else (nothing is semver) any version. */
function highest(versions: ReadonlySet<Version>): Version | undefined {
  const sorted = [...versions]
    .filter((version) => semver.valid(version) !== null)
    .sort((a, b) => semver.rcompare(a, b));
  return sorted.find((version) => semver.prerelease(version) === null) ?? sorted[0] ?? [...versions].at(-1);
}
