import { integrityHex, isAssayError, fromBase64, toHex, type PackageName, type Version } from "@assay/core";
import type { Admission, AdmittedRelease } from "../admission/admission.ts";
import { dependenciesOf } from "../closure/closure.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import { blobKey } from "../platform/blobs/key.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Releases } from "../releases/releases.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { Missing, Plan } from "./selection.ts";
import {
  addItems,
  countItems,
  endRun,
  missingItems,
  retryMissing,
  runsBefore,
  settleItem,
  startRun,
  waitingItems,
  type Item,
  type NewItem,
} from "./store.ts";
import { chooseVersions, formatWant, parseWant, type Want } from "./wants.ts";

export interface MirrorDeps {
  readonly database: Database;
  readonly upstreams: Pick<Upstreams, "packument">;
  readonly releases: Pick<Releases, "packageState" | "gate">;
  readonly admission: Pick<Admission, "admit" | "restore">;
  readonly blobs: Pick<BlobStore, "stat" | "read">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface MirrorOptions {
  /** Wants of releases follow what these depend on. */
  readonly dependencies: boolean;
  /** Items under way at once, 1 to 64. */
  readonly concurrency: number;
  /** Stops taking items up; what is under way gets a moment to end. The next run of the same plan goes on. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: MirrorProgress) => void;
}

export interface MirrorProgress {
  readonly done: number;
  /** Grows while wants turn out to be several releases. */
  readonly total: number;
  /** Of the releases that are here. */
  readonly sizeBytes: number;
  /** What was settled last. */
  readonly latest: string;
}

export interface MirrorReport {
  readonly outcome: "complete" | "incomplete" | "stopped";
  /** Whether it went on with a run that had been cut off. */
  readonly continued: boolean;
  /** Releases that are here, with their proof on its way into the log. */
  readonly releases: number;
  readonly sizeBytes: number;
  /** What was wanted and is not here; empty when complete. */
  readonly missing: readonly Missing[];
  /** Optional dependencies that cannot be had: installs do without. */
  readonly optionalMissing: readonly Missing[];
}

/** An item is tried this often when what failed may pass. */
const mostAttempts = 3;
const retryPauseMs = 2_000;
/** How long what is under way may take to end after the signal. */
const graceMs = 3_000;
const pageSize = 200;
const progressMs = 250;
/** Runs that were cut off and never taken up again are forgotten after this. */
const forgetAfterMs = 14 * 86_400_000;

/**
 * Works a plan off: fetches listings and admits releases, each on its own, so that one that fails stops no other.
 *
 * The work list is in a table. A crash, or the signal, leaves items that wait; the same plan goes on with them.
 * Everything is idempotent, so an item whose outcome was not written down is done again at the cost of a look. Never
 * rejects for what an upstream does.
 */
export async function mirror(deps: MirrorDeps, plan: Plan, options: MirrorOptions): Promise<MirrorReport> {
  const { database, clock } = deps;
  const run = plan.id;
  for (const forgotten of await runsBefore(database.read, clock.now() - forgetAfterMs))
    if (forgotten !== run) await database.write((transaction) => endRun(transaction, forgotten));
  const started = await database.write(async (transaction) => {
    const outcome = await startRun(transaction, run, clock.now());
    await addItems(transaction, run, plan.items);
    await retryMissing(transaction, run);
    return outcome;
  });

  await workOff(deps, run, options);

  const counts = await countItems(database.read, run);
  const failed = await missingItems(database.read, run);
  const stopped = counts.done + counts.missing < counts.total;
  if (!stopped) await database.write((transaction) => endRun(transaction, run));
  const shown = failed.map((item) => ({ ...item, want: wantInWords(parseWant(item.want)) }));
  const missing = [...plan.missing, ...shown.filter(({ isOptional }) => !isOptional).map(onlyMissing)];
  return {
    outcome: stopped ? "stopped" : missing.length > 0 ? "incomplete" : "complete",
    continued: started === "continued",
    releases: counts.releases,
    sizeBytes: counts.sizeBytes,
    missing,
    optionalMissing: shown.filter(({ isOptional }) => isOptional).map(onlyMissing),
  };
}

async function workOff(deps: MirrorDeps, run: string, options: MirrorOptions): Promise<void> {
  const { database, clock } = deps;
  const { signal, concurrency } = options;
  const underWay = new Map<number, Promise<void>>();
  const report = createReport(deps, run, options.onProgress);
  const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  let queue: readonly Item[] = [];
  while (!signal.aborted) {
    if (queue.length === 0) {
      const waiting = await waitingItems(database.read, run, pageSize);
      queue = waiting.filter(({ id }) => !underWay.has(id));
    }
    const [item, ...rest] = queue;
    queue = rest;
    if (item === undefined && underWay.size === 0) return;
    if (item === undefined || underWay.size >= concurrency) await Promise.race([aborted, ...underWay.values()]);
    if (item === undefined) continue;
    if (signal.aborted) break;
    const settled = settle(deps, run, item, options)
      .then(() => report(`${item.name} ${wantInWords(parseWant(item.want))}`))
      .finally(() => underWay.delete(item.id));
    underWay.set(item.id, settled);
  }
  const over = new AbortController();
  await Promise.race([Promise.allSettled(underWay.values()), clock.sleep(graceMs, over.signal).catch(() => {})]);
  over.abort();
}

/** What became of an item, and what it turned out to want besides. */
interface Settled {
  readonly sizeBytes?: number;
  readonly more?: readonly NewItem[];
}

/** Does one item and writes down what became of it, with what it led to, in one transaction. */
async function settle(deps: MirrorDeps, run: string, item: Item, options: MirrorOptions): Promise<void> {
  const { database, clock, telemetry } = deps;
  if (item.attempts > 0) await clock.sleep(retryPauseMs * item.attempts, options.signal).catch(() => {});
  if (options.signal.aborted) return;
  let done: Settled;
  try {
    done = await perform(deps, item, options);
  } catch (error) {
    // The process is ending: what failed because of that is no outcome.
    if (options.signal.aborted) return;
    const { reason, passing } = failureOf(error);
    if (!isAssayError(error) && !(error instanceof CannotBeHad))
      telemetry.log.error("a package cannot be mirrored", { "package.name": item.name, error });
    const again = passing && item.attempts + 1 < mostAttempts;
    const outcome = again ? ({ state: "waiting" } as const) : ({ state: "missing", reason } as const);
    await database.write((transaction) =>
      settleItem(transaction, item.id, { ...outcome, attempts: item.attempts + 1 }),
    );
    return;
  }
  await database.write(async (transaction) => {
    await addItems(transaction, run, done.more ?? []);
    await settleItem(transaction, item.id, { state: "done", sizeBytes: done.sizeBytes ?? 0 });
  });
}

/** Not here, and no failure of ours: a sentence for the summary. */
class CannotBeHad extends Error {
  /** Later may be better. */
  readonly passing: boolean;

  constructor(reason: string, passing = false) {
    super(reason);
    this.passing = passing;
  }
}

function failureOf(error: unknown): { readonly reason: string; readonly passing: boolean } {
  if (error instanceof CannotBeHad) return { reason: error.message, passing: error.passing };
  const message = error instanceof Error ? error.message : String(error);
  if (!isAssayError(error)) return { reason: `it failed inside (${message})`, passing: true };
  return { reason: message, passing: ["UPSTREAM_UNAVAILABLE", "NOT_READY"].includes(error.code) };
}

async function perform(deps: MirrorDeps, item: Item, options: MirrorOptions): Promise<Settled> {
  const want = parseWant(item.want);
  switch (want.kind) {
    case "listing": {
      const { stale } = await deps.upstreams.packument(item.name);
      if (stale !== undefined) throw new CannotBeHad(`what is stored may be old (${stale})`, true);
      return {};
    }
    case "elsewhere":
      throw new CannotBeHad("it comes from outside any registry");
    case "version": {
      const release = await take(deps, item.name, want.version, item.integrity);
      const more = options.dependencies ? await dependencyItems(deps, release, item.isOptional) : [];
      return { sizeBytes: release.sizeBytes, more };
    }
    default:
      return { more: await releaseItems(deps, item, want) };
  }
}

/** The release, bound and with its bytes on disk. */
async function take(
  { admission, releases, blobs }: MirrorDeps,
  name: PackageName,
  version: Version,
  pinned: string | undefined,
): Promise<AdmittedRelease> {
  const gate = await releases.gate(name, version);
  if (gate.verdict === "refuse") throw new CannotBeHad(`refused by rule ${gate.rule}: ${gate.reason}`);
  const release = await admission.admit(name, version);
  if (pinned !== undefined && pinned !== release.integrity)
    throw new CannotBeHad(`the lockfile pins ${pinned}, but bound is ${release.integrity}`);
  const stored = await blobs.stat(blobKey("tarball", "sha512", integrityHex(release.integrity)));
  if (stored?.sizeBytes !== release.sizeBytes) await admission.restore(name, version);
  return release;
}

async function releaseItems(deps: MirrorDeps, item: Item, want: Want): Promise<readonly NewItem[]> {
  const state = await deps.releases.packageState(item.name);
  const bound = [...state.binds.keys()].filter((version) => !state.refused.has(version));
  const packument = want.kind === "bound" ? undefined : await deps.upstreams.packument(item.name);
  const listed = packument === undefined ? [] : [...packument.versions.keys()];
  const versions = listed.filter((version) => !state.refused.has(version));
  const chosen = chooseVersions(want, { tags: packument?.tags ?? {}, versions, bound });
  if (chosen.length === 0 && want.kind !== "bound") throw new CannotBeHad("nothing that is listed answers it");
  return chosen.map((version) => ({
    name: item.name,
    want: formatWant({ kind: "version", version }),
    isOptional: item.isOptional,
  }));
}

async function dependencyItems(
  { blobs }: Pick<MirrorDeps, "blobs">,
  release: AdmittedRelease,
  isOptional: boolean,
): Promise<readonly NewItem[]> {
  // The bound fragment is what clients are served, whatever the listing says by now.
  const hex = toHex(fromBase64(release.manifest.slice("sha256-".length)));
  const fragment = await blobs.read(blobKey("manifest", "sha256", hex));
  if (fragment === undefined) throw new CannotBeHad("its manifest fragment is not stored, so what it needs is unknown");
  const parsed = JSON.parse(new TextDecoder().decode(fragment)) as Record<string, unknown>;
  return dependenciesOf(parsed).flatMap((dependency): readonly NewItem[] => {
    const optional = isOptional || dependency.isOptional;
    if (dependency.kind === "elsewhere") {
      const spec = `${dependency.name}@${dependency.spec}`;
      return [{ name: release.name, want: formatWant({ kind: "elsewhere", spec }), isOptional: optional }];
    }
    const { name, spec } = dependency;
    return [
      { name, want: formatWant({ kind: "listing" }), isOptional: optional },
      { name, want: formatWant({ kind: "spec", spec }), isOptional: optional },
    ];
  });
}

function wantInWords(want: Want): string {
  switch (want.kind) {
    case "listing":
      return "its listing";
    case "bound":
      return "its bound releases";
    case "all":
      return "all releases";
    case "latest":
      return "latest";
    case "version":
      return want.version;
    case "spec":
    case "elsewhere":
      return want.spec;
  }
}

function onlyMissing({ name, want, reason }: Missing): Missing {
  return { name, want, reason };
}

/** Tells about progress, at most four times a second: counting reads the table. */
function createReport(
  { database, clock }: Pick<MirrorDeps, "database" | "clock">,
  run: string,
  onProgress: MirrorOptions["onProgress"],
): (latest: string) => Promise<void> {
  let toldMs = -Infinity;
  return async (latest) => {
    const nowMs = clock.monotonicMs();
    if (onProgress === undefined || nowMs - toldMs < progressMs) return;
    toldMs = nowMs;
    const { done, missing, total, sizeBytes } = await countItems(database.read, run);
    onProgress({ done: done + missing, total, sizeBytes, latest });
  };
}
