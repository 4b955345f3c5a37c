import { join, resolve } from "node:path";
import {
  checkServed,
  createHttpEffects,
  evidenceIn,
  maxBundleBytes,
  verifyLockfiles,
  type CheckpointState,
  type HttpDeps,
  type LogClientEffects,
  type Report,
  type ServedProgress,
  type TrustPolicy,
  type VerifyResult,
} from "@assay/verify";
import { createFileCheckpointStore, createTarballEffects, readLimited, readLockfile, sha256 } from "@assay/verify/node";
import type { VerifyOptions } from "../commands/verify.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { wrongUse } from "../errors.ts";
import { registryHttp, registryUrl } from "../npm-registry.ts";
import { createProgress } from "../progress.ts";
import { howToTrust } from "../trust/how-to-trust.ts";
import { keepEvidence } from "./evidence-file.ts";
import { gossip, gossipUrl } from "./gossip.ts";
import { locateLockfiles } from "./lockfile-paths.ts";
import { policyFor } from "./policy.ts";
import { reportText, type ShownReport } from "./report-text.ts";
import { stateFolderFor } from "./state-place.ts";
import { writeWhole } from "./write-whole.ts";

/** Runs the check and prints its report. Throws USAGE, and what `verifyLockfiles` and the lockfile readers throw. */
export async function runVerify(
  context: CliContext,
  given: string | undefined,
  options: VerifyOptions,
): Promise<ExitCode> {
  const bundleFile = typeof options.offline === "string" ? options.offline : options.bundle;
  const isOffline = options.offline !== undefined;
  if (isOffline && options.deep === true) throw wrongUse("--deep fetches tarballs, --offline nothing: choose one.");
  if (isOffline && bundleFile === undefined) throw wrongUse("--offline needs a bundle: --bundle <file>.");
  const gossipWith = (options.gossip ?? []).map(gossipUrl);
  if (isOffline && gossipWith.length > 0) throw wrongUse("--gossip asks others, --offline nobody: choose one.");
  const { paths, folder, shown } = await locateLockfiles(context, given, options.all === true);
  const lockfiles = await Promise.all(paths.map(readLockfile));
  const registry = await registryUrl(context, options.registry);
  const http = await registryHttp(context, registry);
  const policy = await policyFor(folder, options);
  if (policy === undefined) throw wrongUse(await howToTrust(isOffline ? undefined : http));

  const bundle = await readBundleFile(context, bundleFile);
  const state = stateFolderFor(context, options.state);
  const request = { lockfiles, registry, http, policy, bundle, isOffline, state };
  const result = await check(context, request);
  const reports = options.deep === true ? await checkDeep(context, http, result.reports) : result.reports;
  const isProven = reports.every(({ refused }) => refused.length === 0);
  if (options.saveBundle !== undefined && result.bundle !== undefined && isProven)
    await writeWhole(context, resolve(context.cwd, options.saveBundle), result.bundle);
  // Each lockfile has its report; all rest on the same parts of one bundle.
  const refused = new Set(reports.flatMap((report) => report.refused.map(({ evidence }) => evidence)));
  for (const evidence of refused) if (evidence !== undefined) await keepEvidence(context, evidence);
  const each = reports.map((report, at) => ({
    lockfile: shown(paths[at] ?? ""),
    format: lockfiles[at]?.format ?? "",
    report,
  }));
  context.stdout.write(options.json === true ? jsonOf(each, options.all === true) : each.map(reportText).join("\n"));
  const isOneHistory = await gossip(context, gossipWith, policy, checkpointsIn(context, state));
  return isOneHistory && reports.every(({ ok }) => ok) ? 0 : 1;
}

function checkpointsIn(context: CliContext, state: string): CheckpointState {
  return createFileCheckpointStore({ folder: join(state, "checkpoints"), uniqueName: context.uniqueName });
}

interface CheckRequest {
  readonly lockfiles: Parameters<typeof verifyLockfiles>[1]["lockfiles"];
  readonly registry: string;
  readonly http: HttpDeps;
  readonly policy: TrustPolicy;
  readonly bundle: Uint8Array | undefined;
  readonly isOffline: boolean;
  readonly state: string;
}

/** Evidence is kept before an error is told: it must not depend on what becomes of the output. */
async function check(context: CliContext, request: CheckRequest): Promise<VerifyResult> {
  const { lockfiles, registry, http, policy, bundle, isOffline, state } = request;
  const progress = createProgress(context, "Looking up");
  const effects: LogClientEffects = {
    ...createHttpEffects(http),
    ...checkpointsIn(context, state),
    nowSeconds: () => Math.floor(context.clock.nowMs() / 1000),
    sleep: context.clock.sleep,
  };
  const onProgress = ({ done, total, latest }: { done: number; total: number; latest: string }): void =>
    progress.update(done, total, latest);
  try {
    return await verifyLockfiles({ sha256, effects }, { lockfiles, registry, policy, bundle, isOffline, onProgress });
  } catch (error) {
    const evidence = evidenceIn(error);
    if (evidence !== undefined) await keepEvidence(context, evidence);
    throw error;
  } finally {
    progress.end();
  }
}

async function checkDeep(
  context: CliContext,
  { fetch, registry }: HttpDeps,
  reports: readonly Report[],
): Promise<readonly Report[]> {
  const progress = createProgress(context, "Fetching");
  const onProgress = ({ done, total, latest }: ServedProgress): void => progress.update(done, total, latest);
  return await checkServed(createTarballEffects({ fetch, registry }), reports, onProgress).finally(() =>
    progress.end(),
  );
}

async function readBundleFile(context: CliContext, file: string | undefined): Promise<Uint8Array | undefined> {
  if (file === undefined) return undefined;
  return await readLimited(resolve(context.cwd, file), maxBundleBytes, "The bundle");
}

/** One object for one lockfile; with --all a list of them, whatever its length. */
function jsonOf(shown: readonly ShownReport[], all: boolean): string {
  const flat = shown.map(({ report, ...about }) => ({ ...about, ...report }));
  const ok = flat.every((each) => each.ok);
  return `${JSON.stringify(all ? { ok, lockfiles: flat } : flat[0], undefined, 2)}\n`;
}
