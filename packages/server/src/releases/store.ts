import type { PackageName, Version } from "@assay/core";
import { sql } from "kysely";
import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Tables } from "./tables.ts";

/** The namespace of upstream packages, which is also their log's id. */
const ns = "npm";

/** Versions in one `in (…)`; below every engine's limit. */
const chunkSize = 500;

export interface ReleaseRow {
  readonly version: Version;
  readonly firstSeenMs: number;
  readonly goneAtMs: number | undefined;
  readonly freedAtMs: number | undefined;
  readonly conflictSource: string | undefined;
}

export interface NewReleaseRow {
  readonly version: Version;
  readonly firstSeenMs: number;
  readonly firstContact: boolean;
  readonly publishedMs: number | undefined;
}

/** Every version of a package that was ever listed. */
export async function releasesOf(reader: Reader, name: PackageName): Promise<readonly ReleaseRow[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("releases")
    .select(["version", "first_seen_ms", "gone_at_ms", "freed_at_ms", "conflict_source"])
    .where("ns", "=", ns)
    .where("name", "=", name)
    .execute();
  return rows.map((row) => ({
    version: row.version as Version,
    firstSeenMs: row.first_seen_ms,
    goneAtMs: row.gone_at_ms ?? undefined,
    freedAtMs: row.freed_at_ms ?? undefined,
    conflictSource: row.conflict_source ?? undefined,
  }));
}

/** Adds versions that stand in no row; one that another process added meanwhile stays as it is. */
export async function addReleases(
  transaction: Transaction,
  name: PackageName,
  rows: readonly NewReleaseRow[],
): Promise<void> {
  await insertRows(
    transaction,
    "releases",
    rows.map((row) => ({
      ns,
      name,
      version: row.version,
      first_seen_ms: row.firstSeenMs,
      first_contact: row.firstContact ? 1 : 0,
      upstream_published_ms: row.publishedMs ?? null,
      gone_at_ms: null,
      freed_at_ms: null,
      conflict_source: null,
    })),
    { onConflict: "ignore" },
  );
}

/** Sets or clears since when these versions are not listed. */
export async function setGone(
  transaction: Transaction,
  name: PackageName,
  versions: readonly Version[],
  goneAtMs: number | null,
): Promise<void> {
  await update(transaction, name, versions, { gone_at_ms: goneAtMs });
}

/** Remembers that the log has this source's differing listing of these versions. */
export async function setConflictSource(
  transaction: Transaction,
  name: PackageName,
  versions: readonly Version[],
  source: string,
): Promise<void> {
  await update(transaction, name, versions, { conflict_source: source });
}

/** Remembers that a person freed the version. */
export async function setFreed(
  transaction: Transaction,
  name: PackageName,
  version: Version,
  freedAtMs: number,
): Promise<void> {
  await update(transaction, name, [version], { freed_at_ms: freedAtMs });
}

async function update(
  transaction: Transaction,
  name: PackageName,
  versions: readonly Version[],
  values: Partial<Tables["releases"]>,
): Promise<void> {
  for (let start = 0; start < versions.length; start += chunkSize) {
    await transaction
      .withTables<Tables>()
      .updateTable("releases")
      .set(values)
      .where("ns", "=", ns)
      .where("name", "=", name)
      .where("version", "in", versions.slice(start, start + chunkSize))
      .execute();
  }
}

/** The generation of a package and when what it shows last changed; zeros when nothing is known about it. */
export async function generationOf(
  reader: Reader,
  name: PackageName,
): Promise<{ readonly generation: number; readonly changedAtMs: number }> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("package_generations")
    .select(["generation", "changed_at_ms"])
    .where("ns", "=", ns)
    .where("name", "=", name)
    .executeTakeFirst();
  return { generation: row?.generation ?? 0, changedAtMs: row?.changed_at_ms ?? 0 };
}

/**
 * Gives the package the next generation. The number is above every other package's, so `changedSince` misses
 * nothing: of two serializable transactions that read the same newest number, one runs again.
 * `changedAtMs` is given when what may be shown changed.
 */
export async function raiseGeneration(
  transaction: Transaction,
  name: PackageName,
  changedAtMs?: number,
): Promise<void> {
  const next = sql<number>`(select coalesce(max(generation), 0) + 1 from package_generations)`;
  await transaction
    .withTables<Tables>()
    .insertInto("package_generations")
    .values({ ns, name, generation: next, changed_at_ms: changedAtMs ?? 0 })
    .onConflict((conflict) =>
      conflict
        .columns(["ns", "name"])
        .doUpdateSet(
          changedAtMs === undefined ? { generation: next } : { generation: next, changed_at_ms: changedAtMs },
        ),
    )
    .execute();
}

/** The newest generation of all; 0 when there is none. */
export async function newestGeneration(reader: Reader): Promise<number> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("package_generations")
    .select((builder) => builder.fn.max("generation").as("newest"))
    .executeTakeFirst();
  return row?.newest ?? 0;
}

/** Packages with a generation above this one, lowest first, at most 1,000. */
export async function changedSince(
  reader: Reader,
  generation: number,
): Promise<readonly { readonly name: PackageName; readonly generation: number }[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("package_generations")
    .select(["name", "generation"])
    .where("generation", ">", generation)
    .orderBy("generation")
    .limit(1000)
    .execute();
  return rows.map((row) => ({ name: row.name as PackageName, generation: row.generation }));
}
