import type { Version } from "@assay/core";
import { judge, type Bind, type Checksums } from "../checksums/checksums.ts";
import type { Transaction } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { Sighting, SightedVersion, SightingOutcome } from "./releases.ts";
import {
  type NewReleaseRow,
  type ReleaseRow,
  addReleases,
  raiseGeneration,
  releasesOf,
  setConflictSource,
  setGone,
} from "./store.ts";
import { addSighted } from "./store-sighted.ts";
import { movedTags } from "./tags.ts";

export interface SightDeps {
  readonly checksums: Pick<Checksums, "bindsOf" | "claimConflict" | "claimSighting" | "claimTag">;
  readonly events: Events;
  /** `log.seen` of the configuration. */
  readonly seen: "off" | "bound-names" | "all";
}

/** Most conflict records of one sighting: the next sighting goes on. A rewritten package has thousands of versions. */
const mostConflicts = 100;

/**
 * Most events of unbound versions that went, or came back, at once: the writer serves every package, and a listing
 * may hold 100,000 versions.
 */
const mostUnboundEvents = 100;

/**
 * Takes note of what a source lists now: rows, log claims, events and the generation change together or not
 * at all. Repeatable: a second run with the same sighting changes nothing.
 */
export async function sight(
  { checksums, events, seen }: SightDeps,
  transaction: Transaction,
  sighting: Sighting,
): Promise<SightingOutcome> {
  const { name, source, atMs } = sighting;
  const known = await releasesOf(transaction, name);
  const binds = await checksums.bindsOf(name, transaction);
  const changes = compare(sighting, known, binds);
  if (sighting.isMirror === true) {
    await recordConflicts({ checksums }, transaction, sighting, changes.newConflicts);
    return { firstContact: false, appeared: [], gone: [], back: [], conflicting: changes.conflicting };
  }

  await addReleases(transaction, name, changes.rows);
  await setGone(transaction, name, changes.gone, atMs);
  await setGone(transaction, name, changes.back, null);
  for (const kind of ["gone", "back"] as const) {
    const unbound = changes[kind].filter((version) => !binds.has(version)).slice(0, mostUnboundEvents);
    const bound = changes[kind].filter((version) => binds.has(version));
    for (const version of [...bound, ...unbound]) {
      if (binds.has(version)) await checksums.claimSighting(transaction, kind, { name, version, source, atMs });
      await events.record(transaction, {
        kind: `version.${kind}`,
        subject: `npm ${name}@${version}`,
        data: { source },
      });
    }
  }
  const claimed = await recordConflicts({ checksums }, transaction, sighting, changes.newConflicts);
  await setConflictSource(transaction, name, claimed, source);
  if (sighting.tags !== undefined && binds.size > 0)
    for (const moved of movedTags(sighting.tags))
      await checksums.claimTag(transaction, { name, ...moved, source, atMs });
  if (seen === "all" || (seen === "bound-names" && binds.size > 0))
    await addSighted(transaction, sightedRows(sighting, changes.rows, binds));
  const shownOtherwise = changes.gone.length + changes.back.length + claimed.length > 0;
  if (shownOtherwise) await raiseGeneration(transaction, name, atMs);
  else if (changes.rows.length > 0) await raiseGeneration(transaction, name);
  return {
    firstContact: known.length === 0,
    appeared: changes.rows.map((row) => row.version),
    gone: changes.gone,
    back: changes.back,
    conflicting: changes.conflicting,
  };
}

/** What is listed for the first time and not bound; a manifest that cannot be digested cannot be recorded. */
function sightedRows(
  { name, source, versions }: Sighting,
  appeared: readonly NewReleaseRow[],
  binds: ReadonlyMap<Version, Bind>,
): Parameters<typeof addSighted>[1] {
  const isNew = new Set(appeared.map(({ version }) => version));
  return versions.flatMap(({ version, integrity, manifest }) =>
    manifest === undefined || !isNew.has(version) || binds.has(version)
      ? []
      : [{ name, version, integrity, manifest, source }],
  );
}

/** One record for each version and source. Answers which were looked at; the next sighting goes on. */
async function recordConflicts(
  { checksums }: Pick<SightDeps, "checksums">,
  transaction: Transaction,
  { name, source }: Sighting,
  conflicts: readonly SightedVersion[],
): Promise<readonly Version[]> {
  const looked = conflicts.slice(0, mostConflicts);
  for (const { version, integrity, manifest } of looked) {
    await checksums.claimConflict(transaction, {
      name,
      version,
      source,
      integrity: integrity ?? "-",
      tree: "-",
      manifest: manifest ?? "-",
      evidence: "-",
      from: "listing",
    });
  }
  return looked.map(({ version }) => version);
}

interface Changes {
  readonly rows: readonly NewReleaseRow[];
  readonly gone: readonly Version[];
  readonly back: readonly Version[];
  readonly conflicting: readonly Version[];
  readonly newConflicts: readonly SightedVersion[];
}

/** What a sighting changes. Pure. */
export function compare(sighting: Sighting, known: readonly ReleaseRow[], binds: ReadonlyMap<Version, Bind>): Changes {
  const { atMs, source } = sighting;
  const firstContact = known.length === 0;
  const byVersion = new Map(known.map((row) => [row.version, row]));
  const listed = new Map(sighting.versions.map((version) => [version.version, version]));
  const conflicting = [...listed.values()].filter(({ version, integrity, manifest }) => {
    const observed = { source, integrity, tree: undefined, manifest, from: "listing" } as const;
    return judge(binds.get(version), observed).follows === "conflict";
  });
  return {
    rows: [...listed.values()]
      .filter(({ version }) => !byVersion.has(version))
      .map(({ version, publishedMs }) => ({
        version,
        firstSeenMs: firstContact && isPlausible(publishedMs, atMs) ? publishedMs : atMs,
        firstContact,
        publishedMs,
      })),
    gone: known.filter((row) => row.goneAtMs === undefined && !listed.has(row.version)).map((row) => row.version),
    back: known.filter((row) => row.goneAtMs !== undefined && listed.has(row.version)).map((row) => row.version),
    conflicting: conflicting.map(({ version }) => version),
    newConflicts: conflicting.filter(({ version }) => byVersion.get(version)?.conflictSource !== source),
  };
}

/** Upstream times are believed at first contact only, and never when they lie ahead. */
function isPlausible(publishedMs: number | undefined, nowMs: number): publishedMs is number {
  return publishedMs !== undefined && Number.isSafeInteger(publishedMs) && publishedMs > 0 && publishedMs <= nowMs;
}
