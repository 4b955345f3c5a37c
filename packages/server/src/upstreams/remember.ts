import type { EpochMs, PackageName } from "@assay/core";
import type { Database } from "../platform/database/database.ts";
import type { JobHandlers, JobQueue } from "../platform/jobs/jobs.ts";
import type { SingleFlight } from "../platform/single-flight.ts";
import type { Releases, SightedVersion } from "../releases/releases.ts";
import type { PartsIndex } from "./parts.ts";
import type { RawDocuments } from "./raw.ts";
import { readSeenTags, rememberedTags, writeSeenTags } from "./store-tags.ts";
import type { ListingWatch, Packument } from "./upstreams.ts";
import { isCurrentDigest, replacePackument, setCited, setGone, type StoredPackument } from "./store.ts";

interface RememberDeps {
  readonly database: Database;
  readonly jobs: JobQueue;
  readonly releases: Releases;
  readonly listings: ListingWatch;
}

const removeRaw = "upstreams.remove-raw";
/** Whoever just read the old row may still want the old document. */
const removalDelayMs = 10 * 60 * 1000;

/**
 * Makes a document the current one: row, what it lists (first-seen times, versions gone and back, conflicts) and the
 * removal of the raw document before it, in one transaction. A raw document in which a conflict was found stays: the
 * conflict record is about it. A crash before the commit leaves a raw blob and a parts file that the next fetch of
 * the same document uses. Answers the digest of the document before, if there was one.
 */
export async function rememberDocument(
  deps: RememberDeps,
  row: StoredPackument,
  index: PartsIndex,
  packument: Packument,
): Promise<string | undefined> {
  const { name, source } = row;
  const versions = index.versions.map(([version, publishedMs, integrity, , manifest]): SightedVersion => {
    return {
      version,
      publishedMs: publishedMs ?? undefined,
      integrity: integrity ?? undefined,
      manifest: manifest ?? undefined,
    };
  });
  const note = await deps.listings.listed(packument);
  const before = await deps.database.write(async (transaction) => {
    const replaced = await replacePackument(transaction, row);
    const tagsBefore = await readSeenTags(transaction, name);
    const outcome = await deps.releases.sight(transaction, {
      name,
      source,
      atMs: row.checked_at_ms as EpochMs,
      versions,
      tags: tagsBefore && { before: tagsBefore, now: rememberedTags(index.tags) },
    });
    await writeSeenTags(transaction, name, index.tags);
    await note(transaction);
    const isSame = replaced?.digest === row.digest;
    if (outcome.conflicting.length > 0 || (isSame && replaced.is_cited === 1)) await setCited(transaction, name);
    if (replaced !== undefined && !isSame && replaced.is_cited === 0) {
      const payload = { name, digest: replaced.digest };
      await deps.jobs.enqueue(transaction, {
        kind: removeRaw,
        payload,
        dedupKey: replaced.digest,
        runAtMs: row.checked_at_ms + removalDelayMs,
      });
    }
    return replaced;
  });
  deps.releases.changed(name);
  return before?.digest;
}

/** The upstream has the package no more: all its versions are gone. The last document and its row stay. */
export async function rememberGone(deps: RememberDeps, row: StoredPackument, atMs: EpochMs): Promise<void> {
  await deps.database.write(async (transaction) => {
    await setGone(transaction, row.name, atMs);
    await deps.listings.gone(transaction, row.name);
    await deps.releases.sight(transaction, { name: row.name, source: row.source, atMs, versions: [] });
  });
  deps.releases.changed(row.name);
}

/**
 * Removes raw documents that were replaced. The check and the removal run inside the package's own flight, so that
 * this process cannot make the document current in between; should another process, its raw document is lost and a
 * damaged parts file is fetched anew instead of rebuilt. Such a flight answers undefined to whoever joins it.
 */
export function removalHandlers(deps: {
  readonly database: Database;
  readonly raws: RawDocuments;
  readonly flights: SingleFlight<Packument | undefined>;
}): JobHandlers {
  return {
    [removeRaw]: {
      maxAttempts: 10,
      leaseSeconds: 60,
      async run(payload) {
        const { name, digest } = payload as { readonly name: PackageName; readonly digest: string };
        let outcome: "not run" | "done" | { readonly error: unknown } = "not run";
        const removal = async (): Promise<undefined> => {
          try {
            if (!(await isCurrentDigest(deps.database.read, digest))) await deps.raws.remove(digest);
            outcome = "done";
          } catch (error) {
            outcome = { error };
          }
        };
        // A flight that is under way is a fetch, with an outcome of its own: the job is tried again.
        await deps.flights.run(name, removal).catch(() => {});
        throwUnlessDone(outcome, name);
      },
    },
  };
}

function throwUnlessDone(outcome: "not run" | "done" | { readonly error: unknown }, name: PackageName): void {
  if (outcome === "not run") throw new Error(`${name} is being fetched`);
  if (outcome !== "done") throw outcome.error;
}
