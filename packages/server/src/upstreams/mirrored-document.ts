import semver from "semver";
import { tarballFileName, type PackageName, type Version } from "@assay/core";
import type { PackageState } from "../releases/releases.ts";
import type { MirrorListing, MirrorVersion } from "./mirrored-listing.ts";

/** What one mirror says. */
export interface MirrorVoice {
  /** Who runs it: of several mirrors of one operator one counts. */
  readonly operator: string;
  readonly listing: MirrorListing;
}

export interface MirroredInput {
  readonly name: PackageName;
  /** Base URL of the owner. */
  readonly ownerUrl: string;
  /** In the order of the configuration. */
  readonly voices: readonly MirrorVoice[];
  readonly state: Pick<PackageState, "binds" | "firstSeenMs">;
  /** Tags as they were last shown. */
  readonly seenTags: Readonly<Record<string, Version>>;
  /** Independent mirrors that must say the same of a version that is not bound; at least 2. */
  readonly agree: number;
}

/** A document that stands in for the owner's. */
export interface MirroredDocument {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tags: Readonly<Record<string, Version>>;
}

/**
 * The packument that mirrors are good for while the owner is silent: bound versions that some mirror lists, and
 * versions of which enough independent mirrors say the same; each with what is bound or agreed and nothing else. Which
 * mirror said it, what it adds, and in which order it lists leaves no trace: the same versions and tags make the same
 * bytes. Undefined when there is nothing to show. Pure.
 */
export function mirroredDocument(input: MirroredInput): MirroredDocument | undefined {
  const { name, ownerUrl, voices, state, seenTags } = input;
  const shown = new Map<Version, ShownVersion>();
  for (const version of new Set(voices.flatMap(({ listing }) => listing.versions.map((one) => one.version)))) {
    const one = boundVersion(name, version, state) ?? agreedVersion(input, version);
    if (one !== undefined) shown.set(version, one);
  }
  if (shown.size === 0) return undefined;
  const versions = [...shown.keys()].sort(byVersion);
  const tags = mirroredTags(
    voices.map(({ listing }) => listing.tags),
    seenTags,
    shown,
  );
  const times = versions.map((version): readonly [Version, number | undefined] => [
    version,
    shown.get(version)?.timeMs,
  ]);
  const newestMs = times.reduce((newest, [, ms]) => Math.max(newest, ms ?? 0), 0);
  const document = {
    name,
    "dist-tags": tags,
    time: {
      modified: iso(newestMs),
      ...Object.fromEntries(times.flatMap(([version, ms]) => (ms === undefined ? [] : [[version, iso(ms)]]))),
    },
    versions: Object.fromEntries(
      versions.map((version) => {
        const { manifest, integrity } = shown.get(version) ?? { manifest: {}, integrity: "" };
        const tarball = `${ownerUrl}/${name}/-/${tarballFileName(name, version)}`;
        return [version, { ...manifest, dist: { integrity, tarball } }];
      }),
    ),
  };
  return { bytes: new TextEncoder().encode(JSON.stringify(document)), tags };
}

interface ShownVersion {
  readonly manifest: object;
  readonly integrity: string;
  readonly isBound: boolean;
  readonly timeMs: number | undefined;
}

/** The bound fragment comes in when the document is shown; the listing only says that the version is there. */
function boundVersion(
  name: PackageName,
  version: Version,
  { binds, firstSeenMs }: MirroredInput["state"],
): ShownVersion | undefined {
  const bound = binds.get(version);
  if (bound === undefined) return undefined;
  return { manifest: { name, version }, integrity: bound.integrity, isBound: true, timeMs: firstSeenMs.get(version) };
}

/** What most operators say of the version, when they are enough. Its time is the latest: cooldowns must not end early. */
function agreedVersion({ voices, agree }: MirroredInput, version: Version): ShownVersion | undefined {
  const groups = new Map<string, { readonly said: MirrorVersion; readonly operators: Set<string>; timeMs: number }>();
  for (const { operator, listing } of voices) {
    const said = listing.versions.find((one) => one.version === version);
    if (said === undefined) continue;
    const key = `${said.integrity} ${said.manifest}`;
    const group = groups.get(key) ?? { said, operators: new Set(), timeMs: 0 };
    group.operators.add(operator);
    group.timeMs = Math.max(group.timeMs, said.publishedMs ?? 0);
    groups.set(key, group);
  }
  const enough = [...groups.values()].filter(({ operators }) => operators.size >= agree);
  // Two camps that are both large enough: nobody can say who is right.
  const [only, ...others] = enough;
  if (only === undefined || others.length > 0) return undefined;
  const { said, timeMs } = only;
  const manifest = JSON.parse(said.fragment) as object;
  return { manifest, integrity: said.integrity, isBound: false, timeMs: timeMs === 0 ? undefined : timeMs };
}

/**
 * Where tags may point while the owner is silent: where most mirrors say, but to a shown version, and never behind
 * where the tag was last seen; a tag never seen before to a bound version only. A tag that most mirrors would turn
 * back stays where it was seen.
 */
export function mirroredTags(
  said: readonly Readonly<Record<string, Version>>[],
  seen: Readonly<Record<string, Version>>,
  shown: ReadonlyMap<Version, Pick<ShownVersion, "isBound" | "timeMs">>,
): Record<string, Version> {
  const names = [...new Set(said.flatMap((tags) => Object.keys(tags)))].sort();
  const result: [string, Version][] = [];
  for (const tag of names) {
    const before = Object.hasOwn(seen, tag) ? seen[tag] : undefined;
    const candidate = mostNamed(said.flatMap((tags) => (Object.hasOwn(tags, tag) ? [tags[tag] as Version] : [])));
    const version = candidate === undefined ? undefined : shown.get(candidate);
    const isForward =
      candidate !== undefined &&
      version !== undefined &&
      (before === undefined ? version.isBound : !isBehind(candidate, before, shown));
    const target = isForward ? candidate : before;
    if (target !== undefined && shown.has(target)) result.push([tag, target]);
  }
  return Object.fromEntries(result);
}

/** Ties go to the lower version. */
function mostNamed(versions: readonly Version[]): Version | undefined {
  const counts = new Map<Version, number>();
  for (const version of versions) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts].sort(([a, counted], [b, other]) => other - counted || byVersion(a, b))[0]?.[0];
}

function isBehind(
  candidate: Version,
  before: Version,
  shown: ReadonlyMap<Version, { readonly timeMs: number | undefined }>,
): boolean {
  if (candidate === before) return false;
  if (semver.valid(candidate) !== null && semver.valid(before) !== null) return semver.lt(candidate, before);
  const timeMs = shown.get(candidate)?.timeMs;
  const beforeMs = shown.get(before)?.timeMs;
  return timeMs === undefined || beforeMs === undefined || timeMs < beforeMs;
}

/** Semver order; what is none comes first, by its text. */
function byVersion(a: Version, b: Version): number {
  const [first, second] = [semver.parse(a), semver.parse(b)];
  if (first !== null && second !== null) return semver.compareBuild(first, second) || compareText(a, b);
  if (first === null && second === null) return compareText(a, b);
  return first === null ? -1 : 1;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
