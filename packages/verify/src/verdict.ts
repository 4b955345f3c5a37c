import type { ProvenBind } from "./bundle-opening.ts";
import type { BundleView, PackageKey } from "./log-client.ts";
import type { Lockfile, UnpinnedPackage, UnverifiablePackage } from "./lockfile/lockfile.ts";
import type {
  MismatchingPackage,
  MissingPackage,
  Report,
  ReportedPackage,
  ThroughRecordPackage,
  VerifiedPackage,
} from "./report.ts";

/** What may pass although it is not verified: a person's decision, reviewed with the project. */
export interface Acceptance {
  /** Names that may be unverifiable, such as a git dependency that was reviewed. */
  readonly allowUnverifiable: ReadonlySet<string>;
  /** Categories that may pass although they prove less than `verified`. */
  readonly accept: ReadonlySet<AcceptableCategory>;
  /** Base URL of the registry that the project installs from, no trailing slash: other places of tarballs are no registry's. */
  readonly registry: string;
}

/** `through-record`: the log binds the version, but the lockfile does not pin the tarball. */
export type AcceptableCategory = "through-record";

/** Everything that the verdict rests on. */
export interface Gathered {
  readonly view: BundleView;
  /** Why the registry did not bind what it was asked to look up, by `name@version`. */
  readonly reasons: ReadonlyMap<string, string>;
  /** The reason where nothing else is known. */
  readonly silent: string;
}

/** The naming authority that lockfile entries of the npm registry belong to. */
const namespace = "npm";

const notVetted = "not-vetted-here";

/** The verdict on one lockfile: a pure function of it, what was proven, and what lookups answered. */
export function judge(lockfile: Lockfile, acceptance: Acceptance, gathered: Gathered): Report {
  const { view } = gathered;
  const found: Found = { verified: [], throughRecord: [], mismatching: [], missing: [] };
  for (const each of distinct(lockfile)) judgeLocked(each, gathered, found);
  const [usual, elsewhere] = partition(lockfile.unpinned, ({ archiveUrl }) => isAtRegistry(archiveUrl, acceptance));
  for (const each of distinctUnpinned(usual)) judgeUnpinned(each, acceptance, gathered, found);

  const unverifiable = [...lockfile.unverifiable, ...elsewhere.map(foreignArchive)].map((each) => ({
    ...each,
    allowed: acceptance.allowUnverifiable.has(each.name),
  }));
  const refused = view.refused.map(({ origin, reason }) => ({ origin, reason }));
  const ok =
    found.mismatching.length === 0 &&
    found.missing.length === 0 &&
    refused.length === 0 &&
    found.throughRecord.every((each) => each.accepted) &&
    unverifiable.every((each) => each.allowed);
  return { ok, ...found, unverifiable, skipped: lockfile.skipped, checkpoints: view.checkpoints, refused };
}

/** The binds that the trusted logs prove for a version: one a log. */
export function bindsOf(view: BundleView, key: PackageKey): readonly ProvenBind[] {
  return view.binds.get(`${namespace} ${keyOf(key)}`) ?? [];
}

/** `name@version`. */
export function keyOf({ name, version }: PackageKey): string {
  return `${name}@${version}`;
}

interface Found {
  readonly verified: VerifiedPackage[];
  readonly throughRecord: ThroughRecordPackage[];
  readonly mismatching: MismatchingPackage[];
  readonly missing: MissingPackage[];
}

function judgeLocked(each: ReportedPackage, gathered: Gathered, found: Found): void {
  const binds = bindsOf(gathered.view, each);
  // With several logs all must agree: one that says otherwise is a reason to stop, not to choose.
  const wrong = binds.find(({ record }) => record.integrity !== each.integrity);
  const [right] = binds;
  if (wrong !== undefined) {
    const { record, index, log } = wrong;
    found.mismatching.push({ ...each, bound: record.integrity, origin: log.origin, index });
  } else if (right !== undefined) {
    const { index, log } = right;
    found.verified.push({ ...each, authentic: "bytes", vetted: notVetted, origin: log.origin, index });
  } else {
    found.missing.push({ ...each, reason: whyMissing(each, gathered) });
  }
}

function judgeUnpinned(each: Unpinned, { accept }: Acceptance, gathered: Gathered, found: Found): void {
  const [right, ...others] = bindsOf(gathered.view, each);
  if (right === undefined) {
    found.missing.push({ ...each, integrity: undefined, reason: whyMissing(each, gathered) });
  } else if (others.some(({ record }) => record.integrity !== right.record.integrity)) {
    found.missing.push({ ...each, integrity: undefined, reason: "the trusted logs bind different bytes to it" });
  } else {
    const { record, index, log } = right;
    const accepted = accept.has("through-record");
    const bound = record.integrity;
    found.throughRecord.push({
      ...each,
      authentic: "record",
      vetted: notVetted,
      bound,
      origin: log.origin,
      index,
      accepted,
    });
  }
}

function whyMissing(key: PackageKey, { view, reasons, silent }: Gathered): string {
  const part = view.refused.find(({ keys }) => keys.includes(keyOf(key)));
  return part?.reason ?? reasons.get(keyOf(key)) ?? silent;
}

/** One for each (name, version, integrity), with all places, in the order of the first. */
function distinct(lockfile: Lockfile): readonly ReportedPackage[] {
  return merged(lockfile.packages, ({ name, version, integrity }) => `${name}@${version} ${integrity}`);
}

type Unpinned = Omit<ReportedPackage, "integrity">;

function distinctUnpinned(unpinned: readonly UnpinnedPackage[]): readonly Unpinned[] {
  const keys = unpinned.map(({ name, version, path }) => ({ name, version, path }));
  return merged(keys, keyOf);
}

function merged<T extends { readonly path: string }>(
  items: readonly T[],
  keyFor: (item: T) => string,
): readonly (Omit<T, "path"> & { readonly paths: readonly string[] })[] {
  const found = new Map<string, Omit<T, "path"> & { readonly paths: string[] }>();
  for (const item of items) {
    const { path, ...rest } = item;
    const known = found.get(keyFor(item));
    if (known === undefined) found.set(keyFor(item), { ...rest, paths: [path] });
    else known.paths.push(path);
  }
  return [...found.values()];
}

/** Without a digest in the lockfile the place of the tarball matters: only the registry's own is bound by the log. */
function isAtRegistry(archiveUrl: string | undefined, { registry }: Acceptance): boolean {
  return archiveUrl === undefined || archiveUrl.startsWith(`${registry}/`);
}

function foreignArchive({ name, version, path }: UnpinnedPackage): UnverifiablePackage {
  return { name, version, path, reason: "foreign-archive" };
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
