import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Tables } from "./tables.ts";

export interface EntryRow {
  readonly idx: number;
  readonly record: string;
  readonly leafHash: Uint8Array;
}

export interface PackageRow {
  readonly name: string;
  readonly seq: number;
  readonly lastIdx: number;
}

/** Most values in one `in (…)` or one multi-row statement, far below both engines' limits on parameters. */
const chunkSize = 500;

/** Forgets that these packages have records in a shard. */
export async function removePackages(transaction: Transaction, shard: string, names: readonly string[]): Promise<void> {
  for (const chunk of chunksOf(names))
    await transaction
      .withTables<Tables>()
      .deleteFrom("log_packages")
      .where("shard", "=", shard)
      .where("name", "in", chunk)
      .execute();
}

export async function insertEntries(
  transaction: Transaction,
  shard: string,
  entries: readonly EntryRow[],
): Promise<void> {
  await insertRows(
    transaction,
    "log_entries",
    entries.map(({ idx, record, leafHash }) => ({ shard, idx, record, leaf_hash: leafHash })),
  );
}

/** Entries of a shard with an index in [from, to), by index. */
export async function entriesBetween(
  reader: Reader,
  shard: string,
  from: number,
  to: number,
): Promise<readonly EntryRow[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("log_entries")
    .select(["idx", "record", "leaf_hash"])
    .where("shard", "=", shard)
    .where("idx", ">=", from)
    .where("idx", "<", to)
    .orderBy("idx")
    .execute();
  return rows.map((row) => ({ idx: row.idx, record: row.record, leafHash: row.leaf_hash }));
}

/** Leaf hashes of a shard with an index in [from, to), by index. */
export async function leafHashesBetween(
  reader: Reader,
  shard: string,
  from: number,
  to: number,
): Promise<readonly Uint8Array[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("log_entries")
    .select("leaf_hash")
    .where("shard", "=", shard)
    .where("idx", ">=", from)
    .where("idx", "<", to)
    .orderBy("idx")
    .execute();
  return rows.map((row) => row.leaf_hash);
}

/** Record texts at these indexes; an index without an entry is left out. */
export async function recordsAt(
  reader: Reader,
  shard: string,
  indexes: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const records = new Map<number, string>();
  for (const chunk of chunksOf(indexes)) {
    const rows = await reader
      .withTables<Tables>()
      .selectFrom("log_entries")
      .select(["idx", "record"])
      .where("shard", "=", shard)
      .where("idx", "in", chunk)
      .execute();
    for (const row of rows) records.set(row.idx, row.record);
  }
  return records;
}

/** The highest index of an entry, or undefined in an empty shard. */
export async function lastEntryIndex(reader: Reader, shard: string): Promise<number | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_entries")
    .select("idx")
    .where("shard", "=", shard)
    .orderBy("idx", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.idx;
}

/** The last records of these packages; packages without one are left out. */
export async function packagesNamed(
  reader: Reader,
  shard: string,
  names: readonly string[],
): Promise<readonly PackageRow[]> {
  const found: PackageRow[] = [];
  for (const chunk of chunksOf(names)) {
    const rows = await reader
      .withTables<Tables>()
      .selectFrom("log_packages")
      .select(["name", "seq", "last_idx"])
      .where("shard", "=", shard)
      .where("name", "in", chunk)
      .execute();
    found.push(...rows.map((row) => ({ name: row.name, seq: row.seq, lastIdx: row.last_idx })));
  }
  return found;
}

/** Packages of a shard whose name is after this one, by name: one page of a scan. */
export async function packagesPage(
  reader: Reader,
  shard: string,
  after: string | undefined,
  limit: number,
): Promise<readonly PackageRow[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("log_packages")
    .select(["name", "seq", "last_idx"])
    .where("shard", "=", shard)
    .$if(after !== undefined, (query) => query.where("name", ">", after ?? ""))
    .orderBy("name")
    .limit(limit)
    .execute();
  return rows.map((row) => ({ name: row.name, seq: row.seq, lastIdx: row.last_idx }));
}

/** Sets the last records of these packages. Each name occurs once. */
export async function putPackages(
  transaction: Transaction,
  shard: string,
  packages: readonly PackageRow[],
): Promise<void> {
  for (const chunk of chunksOf(packages))
    await transaction
      .withTables<Tables>()
      .insertInto("log_packages")
      .values(chunk.map((row) => ({ shard, name: row.name, seq: row.seq, last_idx: row.lastIdx })))
      .onConflict((conflict) =>
        conflict.columns(["shard", "name"]).doUpdateSet((builder) => ({
          seq: builder.ref("excluded.seq"),
          last_idx: builder.ref("excluded.last_idx"),
        })),
      )
      .execute();
}

/** In pieces that fit one `in (…)`. */
export function chunksOf<T>(values: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < values.length; start += chunkSize) chunks.push(values.slice(start, start + chunkSize));
  return chunks;
}
