import type { PackageName, Sha256, Version } from "@assay/core";
import type { LogClientEffects } from "./log-client-effects.ts";
import {
  createLogClient,
  type BundleView,
  type LogClient,
  type LookupProgress,
  type PackageKey,
} from "./log-client.ts";
import type { Lockfile } from "./lockfile/lockfile.ts";
import type { MismatchingPackage, MissingPackage, Report, ReportedPackage, VerifiedPackage } from "./report.ts";
import type { TrustedLog } from "./trust.ts";

/** What to check, and against whom. */
export interface VerifyRequest {
  readonly lockfile: Lockfile;
  /** At least one. */
  readonly trust: readonly TrustedLog[];
  /** A bundle saved earlier: then nothing is fetched. Undefined: the registry is asked. */
  readonly offlineBundle: Uint8Array | undefined;
  /** Names that may be unverifiable, such as a git dependency that was reviewed. */
  readonly allowUnverifiable: ReadonlySet<string>;
  readonly onProgress: (progress: LookupProgress) => void;
}

/** The report, and the bundle that it rests on (undefined when the lockfile has nothing to verify). */
export interface VerifyResult {
  readonly report: Report;
  readonly bundle: Uint8Array | undefined;
}

/** The naming authority that lockfile entries of the npm registry belong to. */
const namespace = "npm";

/**
 * Holds every package of a lockfile against the trusted logs.
 *
 * One bundle is asked for over the whole lockfile. What no part of it speaks of is looked up, which makes the
 * registry admit and bind it; then one new bundle over everything replaces the first. A package is verified when a
 * record with its namespace, name, version and integrity is proven by a checkpoint that a trusted key signed and
 * that is consistent with the newest one seen before.
 *
 * Findings are returned, not thrown. Throws MisbehaviourError when a log contradicts itself (the evidence is in
 * it), LOG_UNAVAILABLE, and BAD_FORMAT for a bundle that is no bundle.
 */
export async function verifyLockfile(
  deps: { readonly sha256: Sha256; readonly effects: LogClientEffects },
  request: VerifyRequest,
): Promise<VerifyResult> {
  const packages = distinct(request.lockfile);
  const keys = [...new Map(packages.map((each) => [keyOf(each), each])).values()];
  if (keys.length === 0) return { report: judge(request, packages, emptyView), bundle: undefined };
  const client = createLogClient({ ...deps, trust: request.trust });
  const { view, reasons } = await gather(client, request, keys);
  return { report: judge(request, packages, view, reasons), bundle: view.bytes };
}

interface Gathered {
  readonly view: BundleView;
  readonly reasons?: ReadonlyMap<string, string>;
}

async function gather(client: LogClient, request: VerifyRequest, keys: readonly PackageKey[]): Promise<Gathered> {
  if (request.offlineBundle !== undefined) return { view: await client.open(request.offlineBundle, { offline: true }) };
  const view = await client.ask(keys);
  // What a refused part speaks of is bound already; looking it up would change nothing.
  const spokenOf = new Set(view.refused.flatMap((part) => part.keys));
  const missing = keys.filter((key) => !view.binds.has(`${namespace} ${keyOf(key)}`) && !spokenOf.has(keyOf(key)));
  if (missing.length === 0) return { view };
  const reasons = await client.lookUp(missing, request.onProgress);
  if (reasons.size === missing.length) return { view, reasons };
  return { view: await client.ask(keys), reasons };
}

/** The verdict: a pure function of the lockfile, what was proven, and what lookups answered. */
function judge(
  request: VerifyRequest,
  packages: readonly ReportedPackage[],
  view: BundleView,
  reasons?: ReadonlyMap<string, string>,
): Report {
  const verified: VerifiedPackage[] = [];
  const mismatching: MismatchingPackage[] = [];
  const missing: MissingPackage[] = [];
  const silent =
    request.offlineBundle === undefined
      ? "the registry calls it bound, but proves it in no trusted log"
      : "it is not in the bundle";
  for (const each of packages) {
    const binds = view.binds.get(`${namespace} ${keyOf(each)}`) ?? [];
    // With several logs all must agree: one that says otherwise is a reason to stop, not to choose.
    const wrong = binds.find(({ record }) => record.integrity !== each.integrity);
    const [right] = binds;
    if (wrong !== undefined) {
      const { record, index, log } = wrong;
      mismatching.push({ ...each, bound: record.integrity, origin: log.origin, index });
    } else if (right !== undefined) {
      verified.push({ ...each, origin: right.log.origin, index: right.index });
    } else {
      const reason = whyMissing(keyOf(each), view, reasons);
      missing.push({ ...each, reason: reason ?? silent });
    }
  }
  const { allowUnverifiable: allowed, lockfile } = request;
  const unverifiable = lockfile.unverifiable.map((each) => ({
    ...each,
    allowed: allowed.has(each.name),
  }));
  const refused = view.refused.map(({ origin, reason }) => ({ origin, reason }));
  const ok =
    mismatching.length === 0 &&
    missing.length === 0 &&
    refused.length === 0 &&
    unverifiable.every((each) => each.allowed);
  const { skipped } = lockfile;
  const { checkpoints } = view;
  return { ok, verified, mismatching, missing, unverifiable, skipped, checkpoints, refused };
}

function whyMissing(
  key: string,
  view: BundleView,
  reasons: ReadonlyMap<string, string> | undefined,
): string | undefined {
  const part = view.refused.find(({ keys }) => keys.includes(key));
  return part?.reason ?? reasons?.get(key);
}

/** One for each (name, version, integrity), with all places, in the order of the first. */
function distinct(lockfile: Lockfile): ReportedPackage[] {
  const found = new Map<string, ReportedPackage & { readonly paths: string[] }>();
  for (const { name, version, integrity, path } of lockfile.packages) {
    const key = `${name}@${version} ${integrity}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { name, version, integrity, paths: [path] });
    else known.paths.push(path);
  }
  return [...found.values()];
}

function keyOf({ name, version }: { readonly name: PackageName; readonly version: Version }): string {
  return `${name}@${version}`;
}

const emptyView: BundleView = {
  binds: new Map(),
  checkpoints: [],
  refused: [],
  bytes: new Uint8Array(),
};
