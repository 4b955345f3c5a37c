import { join as joinPath } from "node:path";
import { AssayError, type EpochMs, type PackageName } from "@assay/core";
import type { Config } from "../config/config.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { JobHandlers, JobQueue } from "../platform/jobs/jobs.ts";
import type { UpstreamClient } from "../platform/network/network.ts";
import type { Random } from "../platform/random.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { Releases } from "../releases/releases.ts";
import { createByteBudget, fetchDocument, type FetchedDocument, type FetchFailure, type Fetched } from "./fetch.ts";
import { createKept, type Kept } from "./kept.ts";
import { createPathMemory } from "./path-memory.ts";
import { createRawDocuments } from "./raw.ts";
import { rememberDocument, rememberGone, removalHandlers } from "./remember.ts";
import { readPackument, searchNames, type StoredPackument } from "./store.ts";
import { tarballUrl } from "./tarball-url.ts";
import type { Packument, Upstreams } from "./upstreams.ts";

export interface UpstreamsDeps {
  readonly client: UpstreamClient;
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly jobs: JobQueue;
  readonly releases: Releases;
  readonly workers: Workers;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

export interface UpstreamsRoom extends Upstreams {
  /** For `JobQueue.run`. */
  readonly jobHandlers: JobHandlers;
}

/** A failure is remembered for its own name this long, or as long as the upstream asks, up to a minute. */
const failureMs = 5_000;
const longestFailureMs = 60_000;
/** Memory for listings (not for documents). */
const listingBytes = 48 * 1024 * 1024;

/**
 * The room's life of a document: fetch → derive (ingest, parts file) → remember. See README.md. State in memory is
 * a cache of what the database and the parts files say, but for when each name was last checked.
 */
export function createUpstreams(
  deps: UpstreamsDeps,
  config: Pick<Config, "dataFolder" | "upstream" | "packuments" | "limits">,
): UpstreamsRoom {
  const { clock, database } = deps;
  const { upstream } = config;
  const log = deps.telemetry.log;
  const answers = deps.telemetry.metrics.counter(
    "assay_upstream_packuments_total",
    "Answers of the upstream to packument requests, by outcome.",
    ["outcome"],
  );
  const budget = createByteBudget(4 * config.limits.packumentBytes);
  const raws = createRawDocuments(deps, config.limits.packumentBytes);
  const kept = createKept(
    { ...deps, raws },
    { upstream, folder: joinPath(config.dataFolder, "cache", "packuments"), listingBytes },
  );
  const memory = createPathMemory<FetchFailure>();
  /** A flight that was a removal, not a fetch, answers undefined. */
  const flights = createSingleFlight<Packument | undefined>();
  const maxAgeMs = config.packuments.maxAgeSeconds * 1000;

  async function join(name: PackageName): Promise<Packument> {
    for (;;) {
      const packument = await flights.run(name, () => current(name));
      if (packument !== undefined) return packument;
    }
  }

  async function current(name: PackageName): Promise<Packument> {
    const nowMs = clock.now();
    if (memory.isMissing(name, nowMs)) throw notFound(name);
    const row = await readPackument(database.read, name);
    const old = row === undefined ? undefined : await kept.load(row);
    if (old !== undefined && isFresh(old, nowMs)) return old.packument;
    const remembered = memory.failure(name, nowMs);
    if (remembered !== undefined) return settleFailure(name, old, remembered.value, remembered.untilMs);
    const validators =
      old === undefined || (old.etag ?? old.lastModified) === null
        ? undefined
        : { etag: old.etag, lastModified: old.lastModified };
    return await settle(
      name,
      row,
      old,
      await fetchDocument({ ...deps, budget }, name, validators, config.limits.packumentBytes),
    );
  }

  async function settle(
    name: PackageName,
    row: StoredPackument | undefined,
    old: Kept | undefined,
    fetched: Fetched,
  ): Promise<Packument> {
    if (fetched.kind === "unchanged" && old !== undefined) {
      answers.add(1, { outcome: "unchanged" });
      return kept.touch(old, clock.now(), old).packument;
    }
    if (fetched.kind === "document") {
      try {
        return await take(name, old, fetched);
      } finally {
        fetched.release();
      }
    }
    if (fetched.kind === "missing") return await settleMissing(name, row);
    return fail(
      name,
      old,
      fetched.kind === "failed" ? fetched : refusal("it answered 304 to an unconditional request"),
    );
  }

  async function take(name: PackageName, old: Kept | undefined, fetched: FetchedDocument): Promise<Packument> {
    const nowMs = clock.now();
    const validators = { etag: fetched.etag ?? null, lastModified: fetched.lastModified ?? null };
    if (old !== undefined && old.packument.digest === fetched.digest) {
      answers.add(1, { outcome: "unchanged" });
      return kept.touch(old, nowMs, validators).packument;
    }
    const derived = await kept.derive(name, fetched, lastModifiedMs(fetched) ?? nowMs);
    if (derived.kind === "refused") return fail(name, old, refusal(derived.reason));
    const row: StoredPackument = {
      name,
      source: upstream.name,
      status: "listed",
      etag: validators.etag,
      last_modified: validators.lastModified,
      digest: fetched.digest,
      is_cited: 0,
      modified_at_ms: derived.index.modifiedMs,
      checked_at_ms: nowMs,
    };
    await raws.put(fetched.digest, derived.compressed);
    const before = await rememberDocument(deps, row, derived.index);
    answers.add(1, { outcome: "changed" });
    const packument = kept.keep(row, derived.index).packument;
    await kept.prune(packument, before);
    return packument;
  }

  /** A package that was here a moment ago is asked for again: its removal is recorded for ever. */
  async function settleMissing(name: PackageName, row: StoredPackument | undefined): Promise<never> {
    answers.add(1, { outcome: "missing" });
    if (row?.status === "listed" && row.source === upstream.name) {
      const again = await fetchDocument({ ...deps, budget }, name, undefined, config.limits.packumentBytes);
      if (again.kind === "document") again.release();
      if (again.kind !== "missing") throw unavailable("it answers differently each time", 1000);
      await rememberGone(deps, row, clock.now());
      kept.forget(name);
    }
    memory.missing(name, clock.now() + config.packuments.notFoundSeconds * 1000);
    throw notFound(name);
  }

  function fail(name: PackageName, old: Kept | undefined, failure: FetchFailure): Packument {
    const nowMs = clock.now();
    const untilMs = nowMs + Math.min(failure.retryAfterMs ?? failureMs, longestFailureMs);
    memory.failed(name, { value: failure, untilMs });
    answers.add(1, { outcome: failure.fault });
    log.warn(`upstream ${upstream.name} failed for ${name}: ${failure.reason}`, {
      "package.name": name,
      "upstream.name": upstream.name,
      "failure.detail": failure.detail,
    });
    return settleFailure(name, old, failure, untilMs);
  }

  function settleFailure(name: PackageName, old: Kept | undefined, failure: FetchFailure, untilMs: number): Packument {
    if (old !== undefined) return { ...old.packument, stale: `upstream ${upstream.name}: ${failure.reason}` };
    if (failure.fault === "refused")
      throw new AssayError("UPSTREAM_BAD_ANSWER", { source: upstream.name, reason: `${failure.reason} (${name})` });
    throw unavailable(failure.reason, untilMs - clock.now());
  }

  function unavailable(reason: string, waitMs: number): AssayError {
    return new AssayError("UPSTREAM_UNAVAILABLE", {
      source: upstream.name,
      reason,
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
    });
  }

  function isFresh(entry: Kept, nowMs: EpochMs): boolean {
    const ageMs = nowMs - entry.packument.checkedAtMs;
    return ageMs >= 0 && ageMs < maxAgeMs;
  }

  return {
    packument(name) {
      const hit = kept.get(name);
      if (hit !== undefined && isFresh(hit, clock.now())) return Promise.resolve(hit.packument);
      return join(name);
    },
    fresh(name) {
      const hit = kept.get(name);
      return hit !== undefined && isFresh(hit, clock.now()) ? hit.packument : undefined;
    },
    stored(name) {
      const hit = kept.get(name);
      if (hit !== undefined) return hit.packument;
      return readPackument(database.read, name).then(async (row) =>
        row === undefined ? undefined : (await kept.load(row))?.packument,
      );
    },
    async reload({ name, stale }) {
      kept.drop(name);
      const row = await readPackument(database.read, name);
      const again = row === undefined ? undefined : await kept.load(row);
      return again === undefined ? await join(name) : { ...again.packument, stale };
    },
    tarball: async (_packument, version, signal) => {
      const url = tarballUrl(version.tarball, upstream);
      return await deps.client.request(url, {
        decode: false,
        maxBytes: config.limits.tarballBytes,
        signal,
        headers: { accept: "application/octet-stream, */*" },
      });
    },
    relay: ({ path, ...request }) => deps.client.request(path, { ...request, decode: true }),
    search: (text, from, size) => searchNames(database.read, text, from, size),
    ownerOf: () => upstream.name,
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

function refusal(reason: string): FetchFailure {
  return { kind: "failed", fault: "refused", reason, detail: reason, retryAfterMs: undefined };
}
