import { AssayError, isAssayError, patternCovers, type NamePattern, type PackageName, type Version } from "@assay/core";
import { readLockfile } from "@assay/verify/node";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { readListed, withParts, type Packument, type Upstreams } from "../upstreams/upstreams.ts";
import { dependenciesOf, matchingVersions } from "./dependencies.ts";
import { addEdges, putWalked, readEdges, readWalked, type Edge, type Walked } from "./store.ts";

export { dependenciesOf, isRegistrySpec, matchingVersions } from "./dependencies.ts";
export { closureMigrations } from "./migrations.ts";

const refusal = {
  rule: "only/closure",
  reason: "this registry is limited to its own packages and to what they depend on",
};

/** What a registry is limited to: its packages and, followed from listing to listing, what they depend on. */
export interface Closure {
  /** Of what does not belong to it. */
  readonly refusal: { readonly rule: string; readonly reason: string };

  /**
   * True for what belongs to it; at once when that is known. Else waits until all listings that are being read are
   * read. Throws NOT_READY while they cannot be: what nobody depends on is only known at the end.
   */
  allows(name: PackageName): boolean | Promise<boolean>;

  /**
   * The same upstreams, asked for what belongs to it alone: throws BLOCKED for the rest before anybody is asked. What a
   * listing depends on is taken in before the listing is answered, so that a client that comes back for it is let in.
   */
  limit<Room extends LimitedUpstreams>(upstreams: Room): Room;

  /** Reads what is depended on, and the lockfiles again when they changed, until aborted. */
  run(signal: AbortSignal): Promise<void>;
}

type LimitedUpstreams = Pick<Upstreams, "packument" | "fresh" | "stored" | "reload">;

export interface ClosureOptions {
  /** Whose packages it is about. */
  readonly names: readonly NamePattern[];
  /** Absolute paths; every package in them belongs to it. */
  readonly lockfiles: readonly string[];
  /** Follow what its packages depend on. */
  readonly closure: boolean;
  /** Names that belong to it anyway: those that live here. */
  readonly isOwn?: (name: PackageName) => boolean;
}

interface ClosureDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** How long a request waits for listings that are being read. */
const longestWaitMs = 10_000;
const retryMs = 30_000;
const lockfilesEveryMs = 60_000;
const atOnce = 4;
/** `Walked.ranges` of a package of which every version counts. */
const everyVersion = -1;

/**
 * Opens what was found before; undefined when nothing is said that limits. Read from the tables: ranges that something depends on, and up to where each package was
 * read; a crash between the two only means that a listing is read once more.
 */
export async function openClosure(deps: ClosureDeps, options: ClosureOptions): Promise<Closure | undefined> {
  if (options.names.length + options.lockfiles.length === 0) return undefined;
  const { database, clock, telemetry } = deps;
  const ranges = new Map<PackageName, Set<string>>();
  const walked = new Map<PackageName, Walked>();
  const failed = new Map<PackageName, number>();
  const waiting = new Set<PackageName>();
  const underWay = new Set<PackageName>();
  const reading = createSingleFlight<void>();
  let locked: ReadonlySet<string> = await lockedNames(options.lockfiles);
  let upstreams: LimitedUpstreams | undefined;
  let wake = (): void => {};
  for (const edge of await readEdges(database.read)) learn(edge);
  for (const row of await readWalked(database.read)) walked.set(row.name, row);
  for (const name of ranges.keys()) if (!isWalked(name)) waiting.add(name);

  function isRoot(name: PackageName): boolean {
    return options.names.some((pattern) => patternCovers(pattern, name)) || options.isOwn?.(name) === true;
  }

  function isKnown(name: PackageName): boolean {
    return isRoot(name) || locked.has(name) || ranges.has(name);
  }

  function wantedRanges(name: PackageName): number {
    return isRoot(name) ? everyVersion : (ranges.get(name)?.size ?? 0);
  }

  /** A package that only a lockfile names is there with all that it depends on. */
  function isFollowed(name: PackageName): boolean {
    return options.closure && (isRoot(name) || ranges.has(name));
  }

  function isWalked(name: PackageName, digest?: string): boolean {
    const row = walked.get(name);
    return row !== undefined && row.ranges === wantedRanges(name) && (digest === undefined || row.digest === digest);
  }

  /** True when it is new. */
  function learn({ name, range }: Edge): boolean {
    const known = ranges.get(name);
    if (known === undefined) ranges.set(name, new Set([range]));
    else if (known.has(range)) return false;
    else known.add(range);
    return true;
  }

  function later(name: PackageName): void {
    if (!isFollowed(name) || isWalked(name)) return;
    waiting.add(name);
    wake();
  }

  async function edgesOf(packument: Packument): Promise<readonly Edge[]> {
    const versions = [...packument.versions.keys()];
    const specs = isRoot(packument.name) ? undefined : ranges.get(packument.name);
    const chosen = new Set<Version>(
      specs === undefined
        ? versions
        : [...specs].flatMap((spec) => matchingVersions(spec, { tags: packument.tags, versions })),
    );
    const found = new Map<string, Edge>();
    for (const version of chosen) {
      const listed = packument.versions.get(version);
      if (listed === undefined) continue;
      const manifest = JSON.parse(await readListed(packument, listed, "abbreviated")) as Record<string, unknown>;
      for (const dependency of dependenciesOf(manifest)) {
        if (dependency.kind !== "registry") continue;
        const edge = { name: dependency.name, range: dependency.spec };
        if (ranges.get(edge.name)?.has(edge.range) !== true) found.set(`${edge.name} ${edge.range}`, edge);
      }
    }
    return [...found.values()];
  }

  /** Takes in what a listing depends on; once however many ask. */
  async function read(from: LimitedUpstreams, packument: Packument): Promise<void> {
    const { name, digest } = packument;
    while (!isWalked(name, digest)) {
      await reading.run(`${name} ${digest}`, async () => {
        const before = wantedRanges(name);
        const edges = await withParts(from, packument, edgesOf);
        await settle({ name, digest, ranges: before }, edges);
      });
    }
  }

  async function settle(row: Walked, edges: readonly Edge[]): Promise<void> {
    await database.write(async (transaction) => {
      await addEdges(transaction, edges);
      await putWalked(transaction, row);
    });
    walked.set(row.name, row);
    for (const edge of edges) if (learn(edge)) later(edge.name);
  }

  async function walk(from: LimitedUpstreams, name: PackageName): Promise<void> {
    try {
      await read(from, await from.packument(name));
      failed.delete(name);
    } catch (error) {
      if (isAssayError(error, "NOT_FOUND")) {
        await settle({ name, digest: "", ranges: wantedRanges(name) }, []);
        return;
      }
      failed.set(name, clock.now() + retryMs);
      telemetry.log.warn(`what ${name} depends on cannot be read yet`, { "package.name": name, error });
    }
  }

  async function outcome(name: PackageName): Promise<boolean> {
    const untilMs = clock.monotonicMs() + longestWaitMs;
    while (!isKnown(name)) {
      // Another process may have read what this one has not.
      for (const edge of await readEdges(database.read, name)) learn(edge);
      if (isKnown(name)) break;
      if (waiting.size + underWay.size === 0) {
        if (failed.size === 0) return false;
        throw notReady(`what ${[...failed.keys()][0]} depends on cannot be read`);
      }
      if (clock.monotonicMs() >= untilMs)
        throw notReady("what the packages of this registry depend on is still being read");
      await clock.sleep(50);
    }
    return true;
  }

  async function rereadLockfiles(): Promise<void> {
    try {
      locked = await lockedNames(options.lockfiles);
    } catch (error) {
      telemetry.log.error("a lockfile of only.lockfiles cannot be read; what was in it before counts on", { error });
    }
  }

  return {
    refusal,

    allows(name) {
      // Asked for by its bytes alone, as with a lockfile: what it depends on comes next.
      if (isRoot(name) && !walked.has(name)) later(name);
      return isKnown(name) || outcome(name);
    },

    limit(inner) {
      upstreams = inner;
      return {
        ...inner,
        async packument(name) {
          if (!isKnown(name) && !(await outcome(name)))
            throw new AssayError("BLOCKED", { ...refusal, name, version: "*" });
          const packument = await inner.packument(name);
          if (isFollowed(name)) await read(inner, packument);
          return packument;
        },
        fresh(name) {
          if (!isKnown(name)) return undefined;
          const packument = inner.fresh(name);
          return packument === undefined || !isFollowed(name) || isWalked(name, packument.digest)
            ? packument
            : undefined;
        },
        stored: (name) => (isKnown(name) ? inner.stored(name) : undefined),
      };
    },

    async run(signal) {
      const from = upstreams;
      if (from === undefined) throw new Error("a closure that limits nothing");
      let lockfilesAtMs = clock.now() + lockfilesEveryMs;
      while (!signal.aborted) {
        for (const name of waiting) {
          if (underWay.size >= atOnce || signal.aborted) break;
          if (underWay.has(name)) continue;
          waiting.delete(name);
          underWay.add(name);
          void walk(from, name).finally(() => {
            underWay.delete(name);
            wake();
          });
        }
        const rung = new Promise<void>((resolve) => (wake = resolve));
        if (waiting.size > 0 && underWay.size < atOnce) continue;
        const pause = new AbortController();
        const either = AbortSignal.any([signal, pause.signal]);
        await Promise.race([rung, clock.sleep(1000, either).catch(() => undefined)]);
        pause.abort();
        const nowMs = clock.now();
        for (const [name, atMs] of failed) {
          if (atMs > nowMs) continue;
          failed.delete(name);
          waiting.add(name);
        }
        if (nowMs < lockfilesAtMs) continue;
        lockfilesAtMs = nowMs + lockfilesEveryMs;
        await rereadLockfiles();
      }
    },
  };
}

function notReady(reason: string): AssayError {
  return new AssayError("NOT_READY", { reason, retryAfterSeconds: 5 });
}

async function lockedNames(paths: readonly string[]): Promise<ReadonlySet<string>> {
  const lockfiles = await Promise.all(paths.map(readLockfile));
  return new Set(
    lockfiles.flatMap(({ packages, unpinned }) => [...packages, ...unpinned].map(({ name }) => name as string)),
  );
}
