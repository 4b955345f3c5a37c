import { AssayError, type Sha256 } from "@assay/core";
import type { LogClientEffects } from "./log-client-effects.ts";
import {
  createLogClient,
  type BundleView,
  type LogClient,
  type LookupProgress,
  type PackageKey,
} from "./log-client.ts";
import type { Lockfile } from "./lockfile/lockfile.ts";
import type { Report } from "./report.ts";
import { isAllowed, type TrustPolicy } from "./trust.ts";
import { judge, keyOf, statementsOf, type Gathered } from "./verdict.ts";

/** What to check, and against whom. */
export interface VerifyRequest {
  /** One project's, or all of a monorepo: one bundle is asked for over all. */
  readonly lockfiles: readonly Lockfile[];
  readonly policy: TrustPolicy;
  /** Base URL of the registry that the project installs from, no trailing slash: other places of tarballs are no registry's. */
  readonly registry: string;
  /** A bundle saved earlier: then the registry is asked for no other. */
  readonly bundle: Uint8Array | undefined;
  /** Nothing at all is fetched; needs a bundle. A checkpoint of another size than the last one seen is not compared. */
  readonly isOffline: boolean;
  readonly onProgress: (progress: LookupProgress) => void;
}

/** A report for each lockfile, in their order, and the bundle that they rest on (undefined when there is nothing to verify). */
export interface VerifyResult {
  readonly reports: readonly Report[];
  readonly bundle: Uint8Array | undefined;
}

/**
 * Holds every package of the lockfiles against the trusted logs.
 *
 * One bundle is asked for over everything. What no part of it speaks of is looked up, which makes the
 * registry admit and bind it; then one new bundle over everything replaces the first. A package is verified when a
 * record with its namespace, name, version and integrity is proven by a checkpoint that a trusted key signed and
 * that is consistent with the newest one seen before.
 *
 * Findings are returned, not thrown. Throws MisbehaviourError when a log contradicts itself (the evidence is in
 * it), LOG_UNAVAILABLE, and BAD_FORMAT for a bundle that is no bundle.
 */
export async function verifyLockfiles(
  deps: { readonly sha256: Sha256; readonly effects: LogClientEffects },
  request: VerifyRequest,
): Promise<VerifyResult> {
  const keys = distinctKeys(request.lockfiles);
  const gathered = keys.length === 0 ? nothing : await gather(deps, request, keys);
  const reports = request.lockfiles.map((lockfile) => judge(lockfile, request, gathered));
  return { reports, bundle: keys.length === 0 ? undefined : gathered.view.bytes };
}

async function gather(
  deps: { readonly sha256: Sha256; readonly effects: LogClientEffects },
  request: VerifyRequest,
  keys: readonly PackageKey[],
): Promise<Gathered> {
  const client = createLogClient({ ...deps, policy: request.policy });
  const { bundle, isOffline } = request;
  if (bundle === undefined) {
    if (isOffline) throw new AssayError("USAGE", { reason: "Without a bundle nothing can be checked offline." });
    return await askFor(client, request, keys);
  }
  const view = await client.open(bundle, { offline: isOffline });
  return { view, reasons: new Map(), silent: "it is not in the bundle" };
}

async function askFor(client: LogClient, request: VerifyRequest, keys: readonly PackageKey[]): Promise<Gathered> {
  const silent = "the registry calls it bound, but proves it in no trusted log";
  const view = await client.ask(keys);
  // What a refused part speaks of is bound already; looking it up would change nothing.
  const spokenOf = new Set(view.refused.flatMap((part) => part.keys));
  const missing = keys.filter((key) => statementsOf(view, key).length === 0 && !spokenOf.has(keyOf(key)));
  // A name that may be in no log comes from elsewhere: it is not shown to this registry's upstreams.
  const wanted = missing.filter(({ name }) => !isAllowed(request.policy, name));
  if (wanted.length === 0) return { view, reasons: new Map(), silent };
  const reasons = await client.lookUp(wanted, request.onProgress);
  return { view: reasons.size === wanted.length ? view : await client.ask(keys), reasons, silent };
}

function distinctKeys(lockfiles: readonly Lockfile[]): readonly PackageKey[] {
  const all = lockfiles.flatMap(({ packages, unpinned }): readonly PackageKey[] => [...packages, ...unpinned]);
  return [...new Map(all.map(({ name, version }) => [keyOf({ name, version }), { name, version }])).values()];
}

const emptyView: BundleView = {
  statements: new Map(),
  checkpoints: [],
  refused: [],
  bytes: new Uint8Array(),
};

const nothing: Gathered = { view: emptyView, reasons: new Map(), silent: "" };
