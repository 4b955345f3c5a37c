import type { Integrity } from "@assay/core";
import type { BundleView, PackageKey } from "./log-client.ts";
import type { Lockfile, UnpinnedPackage, UnverifiablePackage } from "./lockfile/lockfile.ts";
import type {
  MismatchingPackage,
  MissingPackage,
  Report,
  ReportedPackage,
  SupersededPackage,
  ThroughRecordPackage,
  VerifiedPackage,
} from "./report.ts";
import { standingOf, type ProvenStatement, type Standing } from "./standing.ts";
import { registryOfUrl } from "./tarball-path.ts";
import { isAllowed, type TrustPolicy } from "./trust.ts";

/** What the project lets pass, and where it installs from. */
export interface Acceptance {
  readonly policy: Pick<TrustPolicy, "accept" | "allow" | "supersedes">;
  /** Base URL of the registry that the project installs from, no trailing slash. */
  readonly registry: string;
}

/** Everything that the verdict rests on. */
export interface Gathered {
  readonly view: BundleView;
  /** Why the registry did not bind what it was asked to look up, by `name@version`. */
  readonly reasons: ReadonlyMap<string, string>;
  /** The reason where nothing else is known. */
  readonly silent: string;
}

const notVetted = "not-vetted-here";

/** The verdict on one lockfile: a pure function of it, what was proven, and what lookups answered. */
export function judge(lockfile: Lockfile, acceptance: Acceptance, gathered: Gathered): Report {
  const { view } = gathered;
  const found: Found = { verified: [], throughRecord: [], superseded: [], mismatching: [], missing: [] };
  for (const each of distinct(lockfile)) judgeLocked(each, acceptance, gathered, found);
  const [usual, elsewhere] = partition(lockfile.unpinned, (each) => isAtRegistry(each, acceptance));
  for (const each of distinctUnpinned(usual)) judgeUnpinned(each, acceptance, gathered, found);

  const unverifiable = [...lockfile.unverifiable, ...elsewhere.map(foreignArchive)].map((each) => ({
    ...each,
    allowed: isAllowed(acceptance.policy, each.name),
  }));
  const refused = view.refused.map(({ origin, reason, evidence }) => ({ origin, reason, evidence }));
  const ok =
    found.superseded.length === 0 &&
    found.mismatching.length === 0 &&
    found.missing.every((each) => each.allowed) &&
    refused.length === 0 &&
    found.throughRecord.every((each) => each.accepted) &&
    unverifiable.every((each) => each.allowed);
  return { ok, ...found, unverifiable, skipped: lockfile.skipped, checkpoints: view.checkpoints, refused };
}

/** Everything that the logs which decide its name are proven to say of a version. */
export function statementsOf(view: BundleView, key: PackageKey): readonly ProvenStatement[] {
  return view.statements.get(keyOf(key)) ?? [];
}

/** `name@version`. */
export function keyOf({ name, version }: PackageKey): string {
  return `${name}@${version}`;
}

interface Found {
  readonly verified: VerifiedPackage[];
  readonly throughRecord: ThroughRecordPackage[];
  readonly superseded: SupersededPackage[];
  readonly mismatching: MismatchingPackage[];
  readonly missing: MissingPackage[];
}

function judgeLocked(each: ReportedPackage, acceptance: Acceptance, gathered: Gathered, found: Found): void {
  const standing = standingOf(statementsOf(gathered.view, each));
  const superseded = supersededIn(standing, each, each.integrity, acceptance);
  // With several logs all must agree: one that says otherwise is a reason to stop, not to choose.
  const wrong = standing.current.find(({ record }) => record.integrity !== each.integrity);
  const [right] = standing.current;
  if (superseded !== undefined) {
    found.superseded.push({ ...each, ...superseded });
  } else if (wrong !== undefined) {
    found.mismatching.push({ ...each, bound: wrong.record.integrity, ...placeOf(wrong) });
  } else if (right !== undefined) {
    found.verified.push({ ...each, authentic: "bytes", vetted: notVetted, ...placeOf(right) });
  } else {
    found.missing.push({ ...each, ...missingFor(each, acceptance, gathered) });
  }
}

function judgeUnpinned(each: Unpinned, acceptance: Acceptance, gathered: Gathered, found: Found): void {
  const standing = standingOf(statementsOf(gathered.view, each));
  const superseded = supersededIn(standing, each, undefined, acceptance);
  const [right, ...others] = standing.current;
  if (right === undefined) {
    found.missing.push({ ...each, integrity: undefined, ...missingFor(each, acceptance, gathered) });
  } else if (superseded !== undefined) {
    found.superseded.push({ ...each, integrity: undefined, ...superseded });
  } else if (others.some(({ record }) => record.integrity !== right.record.integrity)) {
    const reason = "the trusted logs bind different bytes to it";
    found.missing.push({ ...each, integrity: undefined, reason, allowed: false });
  } else {
    const accepted = acceptance.policy.accept.has("through-record");
    const bound = right.record.integrity;
    found.throughRecord.push({
      ...each,
      authentic: "record",
      vetted: notVetted,
      bound,
      ...placeOf(right),
      accepted,
      served: { as: "not-asked" },
    });
  }
}

/** Why a version counts as superseded; undefined when it was not replaced, or the trust file allows exactly these bytes. */
function supersededIn(
  { current, replaced }: Standing,
  { name, version }: PackageKey,
  locked: Integrity | undefined,
  { policy }: Acceptance,
): Pick<SupersededPackage, "bound" | "replaced" | "isReplaced" | "origin" | "index"> | undefined {
  const supersede = current.find(({ record }) => record.kind === "supersede");
  if (supersede === undefined) return undefined;
  const bound = supersede.record.integrity;
  const isReplaced =
    locked !== undefined && locked !== bound && replaced.some((each) => each.record.integrity === locked);
  const isAllowed = policy.supersedes.some(
    (each) => each.name === name && each.version === version && each.integrity === bound,
  );
  if (isAllowed && !isReplaced) return undefined;
  return { bound, replaced: replaced.map(({ record }) => record.integrity), isReplaced, ...placeOf(supersede) };
}

function placeOf({ log, index }: ProvenStatement): { readonly origin: string; readonly index: number } {
  return { origin: log.origin, index };
}

function missingFor(
  key: PackageKey,
  { policy }: Acceptance,
  { view, reasons, silent }: Gathered,
): Pick<MissingPackage, "reason" | "allowed"> {
  const part = view.refused.find(({ keys }) => keys.includes(keyOf(key)));
  // A log that speaks of it, and proves nothing, is not what was allowed.
  if (part !== undefined) return { reason: part.reason, allowed: false };
  const allowed = isAllowed(policy, key.name);
  return { reason: reasons.get(keyOf(key)) ?? (allowed ? "no trusted log has it" : silent), allowed };
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
function isAtRegistry({ name, version, archiveUrl }: UnpinnedPackage, { registry }: Acceptance): boolean {
  return archiveUrl === undefined || registryOfUrl(archiveUrl, name, version) === registry;
}

function foreignArchive({ name, version, path }: UnpinnedPackage): UnverifiablePackage {
  return { name, version, path, reason: "foreign-archive" };
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
