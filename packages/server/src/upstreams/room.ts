import { join as joinPath } from "node:path";
import { AssayError, isAssayError, type EpochMs, type PackageName, type RegistryKey } from "@assay/core";
import type { Config } from "../config/config.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { JobHandlers, JobQueue } from "../platform/jobs/jobs.ts";
import type { UpstreamClient } from "../platform/network/network.ts";
import type { Random } from "../platform/random.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { Releases } from "../releases/releases.ts";
import type { RegistrySigning } from "../signing/signing.ts";
import { createActivity } from "./activity.ts";
import { createAudits } from "./audits.ts";
import { createChoices } from "./choices.ts";
import {
  createByteBudget,
  fetchDocument,
  type FetchedDocument,
  type FetchFailure,
  type FetchLimits,
  type Fetched,
  type Validators,
} from "./fetch.ts";
import { createHosted, hostedAlias, type HostedDocuments } from "./hosted.ts";
import { createImported, importAlias } from "./imported.ts";
import { createKept, type Kept } from "./kept.ts";
import { createOrdering } from "./choose.ts";
import { createLatency } from "./latency.ts";
import { listingAt } from "./list-versions.ts";
import { createMirrorListing } from "./mirror-listing.ts";
import { createMirrored } from "./mirrored.ts";
import { noOwnNames, type OwnNames } from "./own-names.ts";
import { createPathMemory, type Remembered } from "./path-memory.ts";
import { createRawDocuments } from "./raw.ts";
import { createRedirects } from "./redirects.ts";
import { rememberDocument, rememberGone, removalHandlers } from "./remember.ts";
import { agreementOf, createSources, type DelegatedTo, type Source } from "./sources.ts";
import { countBySource, countKnown, knownNames, readPackument, type StoredPackument } from "./store.ts";
import { createStanding } from "./standing.ts";
import { createTarballs } from "./tarballs.ts";
import { createUpstreamKeys } from "./upstream-keys.ts";
import type { ImportedListings, ListingWatch, Packument, Upstreams } from "./upstreams.ts";

export interface UpstreamsDeps {
  /** By alias; of every upstream. */
  readonly clients: ReadonlyMap<string, UpstreamClient>;
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly jobs: JobQueue;
  readonly releases: Releases;
  readonly listings: ListingWatch;
  readonly events: Events;
  readonly signing: Pick<RegistrySigning, "learn" | "ring">;
  /** Of `readPinnedKeys`. */
  readonly pinnedKeys: ReadonlyMap<string, readonly RegistryKey[]>;
  readonly workers: Workers;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Names that were handed to another registry. Default: none. */
  readonly delegatedTo?: DelegatedTo;
  /** Names that live here. Default: none. */
  readonly own?: OwnNames;
  /** Packages that live here. Default: none. */
  readonly hosted?: HostedDocuments;
}

export interface UpstreamsRoom extends Upstreams {
  /** For `JobQueue.run`. */
  readonly jobHandlers: JobHandlers;
  readonly imported: ImportedListings;
  /** Call after a commit that changed what a hosted package's document says: whoever asks then sees it. */
  hostedChanged(name: PackageName): void;
}

/** A failure is remembered for its own name this long, or as long as the upstream asks, up to a minute. */
const failureMs = 5_000;
const longestFailureMs = 60_000;
/** Memory for listings (not for documents). */
const listingBytes = 48 * 1024 * 1024;
const importedListingBytes = 16 * 1024 * 1024;

/** What is known of a name when its owner is asked: the row, and the document if there is one. */
interface Known {
  readonly name: PackageName;
  readonly row: StoredPackument | undefined;
  readonly old: Kept | undefined;
}

/**
 * The room's life of a document: fetch → derive (ingest, parts file) → remember. See README.md. State in memory is
 * a cache of what the database and the parts files say, but for when each name was last checked.
 */
export function createUpstreams(
  deps: UpstreamsDeps,
  config: Pick<Config, "dataFolder" | "upstreams" | "packuments" | "limits">,
): UpstreamsRoom {
  const { clock, database } = deps;
  const { own = noOwnNames } = deps;
  const sources = createSources(config.upstreams, deps.clients, deps.delegatedTo, own);
  const log = deps.telemetry.log;
  const answers = deps.telemetry.metrics.counter(
    "assay_upstream_packuments_total",
    "Answers of upstreams to packument requests, by outcome.",
    ["upstream", "outcome"],
  );
  /** One a source, so that none can use up what the others need. */
  const budgets = new Map(
    config.upstreams.map(({ name }) => [name, createByteBudget(4 * config.limits.packumentBytes)]),
  );
  const activity = createActivity({ clock });
  const raws = createRawDocuments(deps, config.limits.packumentBytes);
  const standing = createStanding(deps, sources);
  const latency = createLatency(deps);
  const ordering = createOrdering({ ...deps, latency, standing });
  const folder = joinPath(config.dataFolder, "cache", "packuments");
  const kept = createKept({ ...deps, raws }, { sources, folder, listingBytes });
  const mirrored = createMirrored({ ...deps, sources, standing, kept, ask }, { folder });
  const maxAgeMs = config.packuments.maxAgeSeconds * 1000;
  const importedFolder = joinPath(config.dataFolder, "cache", "imported");
  const imported = createImported(
    { ...deps, raws },
    { folder: importedFolder, maxAgeMs, memoryBytes: importedListingBytes },
  );
  const hosted = createHosted({ ...deps, documents: deps.hosted }, joinPath(config.dataFolder, "cache", "hosted"));
  const memory = createPathMemory<FetchFailure>();
  /** A flight that was a removal, not a fetch, answers undefined. */
  const flights = createSingleFlight<Packument | undefined>();
  const audits = createAudits({ ...deps, sources, ask }, { maxAgeMs });

  async function join(name: PackageName): Promise<Packument> {
    if (own.has(name)) return await hosted.packument(name);
    if (sources.ownerOf(name) === undefined) {
      const found = await imported.load(name);
      if (found !== undefined) return found;
    }
    try {
      return await flown(name);
    } catch (error) {
      if (!isAssayError(error, "UPSTREAM_UNAVAILABLE") && !isAssayError(error, "UPSTREAM_BAD_ANSWER")) throw error;
      const found = await imported.load(name);
      if (found === undefined) throw error;
      return { ...found, stale: error.message };
    }
  }

  async function flown(name: PackageName, sinceMs?: number): Promise<Packument> {
    for (;;) {
      const packument = await flights.run(name, () => examined(name, sinceMs));
      if (packument !== undefined) return packument;
    }
  }

  /** What auditors list is as young as what the owner lists. */
  async function examined(name: PackageName, sinceMs: number | undefined): Promise<Packument> {
    const refreshed = audits.refresh(name);
    try {
      return await current(name, sinceMs);
    } finally {
      await refreshed;
    }
  }

  async function current(name: PackageName, sinceMs?: number): Promise<Packument> {
    if (own.has(name)) throw notFound(name);
    const nowMs = clock.now();
    const owner = sources.ownerOf(name);
    if (owner === undefined) throw unowned(name);
    if (memory.isMissing(name, nowMs)) throw notFound(name);
    const row = await readPackument(database.read, name);
    const old = row === undefined ? undefined : await kept.load(row);
    if (old !== undefined && isFresh(old, nowMs, sinceMs)) return old.packument;
    const remembered = memory.failure(name, nowMs);
    if (remembered !== undefined) return await settleFailure(owner, { name, row, old }, remembered);
    const validators =
      old === undefined || (old.etag ?? old.lastModified) === null
        ? undefined
        : { etag: old.etag, lastModified: old.lastModified };
    return await settle(owner, name, row, old, await ask(owner, name, validators));
  }

  async function ask(
    source: Source,
    name: PackageName,
    validators: Validators | undefined,
    limits: Omit<FetchLimits, "maxBytes"> = {},
  ): Promise<Fetched> {
    const {
      client,
      config: { name: alias },
    } = source;
    const budget = budgets.get(alias) ?? createByteBudget(0);
    const maxBytes = config.limits.packumentBytes;
    const startedMs = clock.monotonicMs();
    const fetched = await fetchDocument({ client, clock, budget }, name, validators, { ...limits, maxBytes });
    if (fetched.kind === "document" || fetched.kind === "unchanged") activity.answered(alias, startedMs);
    return fetched;
  }

  function count({ config: { name } }: Source, outcome: string): void {
    answers.add(1, { upstream: name, outcome });
  }

  async function settle(
    owner: Source,
    name: PackageName,
    row: StoredPackument | undefined,
    old: Kept | undefined,
    fetched: Fetched,
  ): Promise<Packument> {
    if (fetched.kind === "unchanged" && old !== undefined) {
      count(owner, "unchanged");
      return kept.touch(old, clock.now(), old).packument;
    }
    if (fetched.kind === "document") {
      try {
        return await take(owner, { name, row, old }, fetched);
      } finally {
        fetched.release();
      }
    }
    if (fetched.kind === "missing") return await settleMissing(owner, name, row);
    const failure = fetched.kind === "failed" ? fetched : refusal("it answered 304 to an unconditional request");
    return await fail(owner, { name, row, old }, failure);
  }

  async function take(owner: Source, state: Known, fetched: FetchedDocument): Promise<Packument> {
    const { name, old } = state;
    const nowMs = clock.now();
    const validators = { etag: fetched.etag ?? null, lastModified: fetched.lastModified ?? null };
    if (old !== undefined && old.packument.digest === fetched.digest) {
      count(owner, "unchanged");
      return kept.touch(old, nowMs, validators).packument;
    }
    const derived = await kept.derive(owner, name, fetched, lastModifiedMs(fetched) ?? nowMs);
    if (derived.kind === "refused") return await fail(owner, state, refusal(derived.reason));
    const row: StoredPackument = {
      name,
      source: owner.config.name,
      status: "listed",
      etag: validators.etag,
      last_modified: validators.lastModified,
      digest: fetched.digest,
      is_cited: 0,
      modified_at_ms: derived.index.modifiedMs,
      checked_at_ms: nowMs,
    };
    await raws.put(fetched.digest, derived.compressed);
    const before = await rememberDocument(deps, row, derived.index, kept.listing(row, derived.index));
    count(owner, "changed");
    const packument = kept.keep(row, derived.index).packument;
    await kept.prune(packument, before);
    return packument;
  }

  /** A package that was here a moment ago is asked for again: its removal is recorded for ever. */
  async function settleMissing(owner: Source, name: PackageName, row: StoredPackument | undefined): Promise<never> {
    count(owner, "missing");
    if (row?.status === "listed" && row.source === owner.config.name) {
      const again = await ask(owner, name, undefined);
      if (again.kind === "document") again.release();
      if (again.kind !== "missing") throw unavailable(owner, "it answers differently each time", 1000);
      await rememberGone(deps, row, clock.now());
      kept.forget(name);
    }
    memory.missing(name, clock.now() + config.packuments.notFoundSeconds * 1000);
    throw notFound(name);
  }

  async function fail(owner: Source, state: Known, failure: FetchFailure): Promise<Packument> {
    const { name } = state;
    const untilMs = clock.now() + Math.min(failure.retryAfterMs ?? failureMs, longestFailureMs);
    memory.failed(name, { value: failure, untilMs });
    const source = owner.config.name;
    count(owner, failure.fault);
    log.warn(`upstream ${source} failed for ${name}: ${failure.reason}`, {
      "package.name": name,
      "upstream.name": source,
      "failure.detail": failure.detail,
    });
    return await settleFailure(owner, state, { value: failure, untilMs });
  }

  /** The last good document; else what mirrors are good for, unless the owner itself took the package away. */
  async function settleFailure(
    owner: Source,
    { name, row, old }: Known,
    { value: failure, untilMs }: Remembered<FetchFailure>,
  ): Promise<Packument> {
    const source = owner.config.name;
    const why = `upstream ${source}: ${failure.reason}`;
    if (old !== undefined) return { ...old.packument, stale: why };
    const wasRemoved = row?.status === "gone" && row.source === source;
    const instead = wasRemoved ? undefined : await mirrored.packument(owner, name, why, untilMs);
    if (instead !== undefined) return instead;
    if (failure.fault === "refused")
      throw new AssayError("UPSTREAM_BAD_ANSWER", { source, reason: `${failure.reason} (${name})` });
    throw unavailable(owner, failure.reason, untilMs - clock.now());
  }

  function unavailable(owner: Source, reason: string, waitMs: number): AssayError {
    return new AssayError("UPSTREAM_UNAVAILABLE", {
      source: owner.config.name,
      reason,
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
    });
  }

  function isFresh({ packument: { checkedAtMs } }: Kept, nowMs: EpochMs, sinceMs = nowMs - maxAgeMs + 1): boolean {
    return checkedAtMs <= nowMs && checkedAtMs >= sinceMs;
  }

  function fresh(name: PackageName): Packument | undefined {
    if (own.has(name)) return hosted.fresh(name);
    const hit = kept.get(name);
    if (hit !== undefined) return isFresh(hit, clock.now()) ? hit.packument : undefined;
    return sources.ownerOf(name) === undefined ? imported.fresh(name) : undefined;
  }

  async function storedNow(name: PackageName): Promise<Packument | undefined> {
    const row = await readPackument(database.read, name);
    const found = row === undefined ? undefined : await kept.load(row);
    return found?.packument ?? (await imported.load(name));
  }

  return {
    packument(name) {
      const hit = fresh(name);
      return hit === undefined ? join(name) : Promise.resolve(hit);
    },
    fresh,
    revalidate: (name, sinceMs) => (own.has(name) ? hosted.packument(name) : flown(name, sinceMs)),
    mirrorListing: createMirrorListing({ ...deps, sources, ask }),
    stored: (name) => (own.has(name) ? hosted.load(name) : (kept.get(name)?.packument ?? storedNow(name))),
    imported,
    hostedChanged: (name) => hosted.changed(name),
    async reload({ name, source, stale }) {
      if (source === hostedAlias) {
        hosted.drop(name);
        return await join(name);
      }
      if (source === importAlias) {
        imported.drop(name);
        return await join(name);
      }
      kept.drop(name);
      mirrored.forget(name);
      const row = await readPackument(database.read, name);
      const again = row === undefined ? undefined : await kept.load(row);
      return again === undefined ? await join(name) : { ...again.packument, stale };
    },
    tarballs: createTarballs({ ...deps, sources, standing, latency, ordering, activity, ask }, config.limits),
    redirects: createRedirects({ ...deps, sources, standing, ordering }),
    standing,
    relay: (source, { path, ...request }) => sources.named(source).client.request(path, { ...request, decode: true }),
    known: (after, size) => knownNames(database.read, after, size),
    countKnown: () => countKnown(database.read),
    sourcesOf: (name) => sources.sourcesOf(name).map(({ config: { name: alias } }) => alias),
    activity: activity.of,
    packagesBySource: () => countBySource(database.read),
    agreementOf: (name) => agreementOf(sources, name),
    listingAt: (alias, name) => listingAt({ ...deps, ask }, sources.named(alias), name),
    ownerChanged(name) {
      kept.forget(name);
      memory.forget(name);
    },
    choices: createChoices(deps),
    ownerOf: (name) => sources.ownerOf(name)?.config.name,
    ownerElsewhere: (name) => sources.ownerElsewhere(name)?.config.name,
    isOwn: own.has,
    registries: sources.registries.map((source) => source.config.name),
    keys: createUpstreamKeys(deps, sources),
    jobHandlers: removalHandlers({ database, raws, flights }),
  };
}

function lastModifiedMs({ lastModified }: FetchedDocument): number | undefined {
  const ms = lastModified === undefined ? Number.NaN : Date.parse(lastModified);
  return ms >= 0 ? ms : undefined;
}

function notFound(name: PackageName): AssayError {
  return new AssayError("NOT_FOUND", { what: `The package ${name}` });
}

/** Nobody was asked, and nobody will be: a name goes to its owner only. */
function unowned(name: PackageName): AssayError {
  return new AssayError("NOT_FOUND", { what: `The package ${name}, which no configured registry owns,` });
}

function refusal(reason: string): FetchFailure {
  return { kind: "failed", fault: "refused", reason, detail: reason, retryAfterMs: undefined };
}
