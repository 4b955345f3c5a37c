import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Tables } from "./tables.ts";

/** A shard that is followed, and how far. */
export interface ShardRow {
  readonly vkey: string;
  readonly lineage: string;
  readonly origin: string;
  readonly url: string;
  readonly number: number;
  readonly note: string | undefined;
  readonly checked: number;
  readonly checkedTime: number;
  readonly isFinal: boolean;
  readonly isForked: boolean;
}

const shardColumns = [
  "vkey",
  "lineage",
  "origin",
  "url",
  "number",
  "note",
  "checked",
  "checked_time",
  "is_final",
  "is_forked",
] as const;

/** Adds a shard unless it is there. */
export async function addShard(
  transaction: Transaction,
  shard: Pick<ShardRow, "vkey" | "lineage" | "origin" | "url" | "number" | "isFinal"> & { readonly note?: string },
): Promise<void> {
  const { vkey, lineage, origin, url, number, isFinal, note = null } = shard;
  const fresh = { checked: 0, checked_time: 0, is_final: isFinal ? 1 : 0, is_forked: 0 };
  const row = { vkey, lineage, origin, url, number, note, ...fresh };
  await insertRows(transaction, "monitor_shards", [row], { onConflict: "ignore" });
}

/** Every shard of a lineage, oldest first. */
export async function shardsOf(reader: Reader, lineage: string): Promise<readonly ShardRow[]> {
  const rows = await selectShards(reader).where("lineage", "=", lineage).orderBy("number").execute();
  return rows.map(toShard);
}

/** The shard with this origin, in whichever lineage. */
export async function shardWithOrigin(reader: Reader, origin: string): Promise<ShardRow | undefined> {
  const row = await selectShards(reader).where("origin", "=", origin).orderBy("vkey").executeTakeFirst();
  return row && toShard(row);
}

function selectShards(reader: Reader) {
  return reader.withTables<Tables>().selectFrom("monitor_shards").select(shardColumns);
}

function toShard(row: Tables["monitor_shards"]): ShardRow {
  return {
    vkey: row.vkey,
    lineage: row.lineage,
    origin: row.origin,
    url: row.url,
    number: row.number,
    note: row.note ?? undefined,
    checked: row.checked,
    checkedTime: row.checked_time,
    isFinal: row.is_final === 1,
    isForked: row.is_forked === 1,
  };
}

export async function noteOf(reader: Reader, vkey: string): Promise<string | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("monitor_shards")
    .select("note")
    .where("vkey", "=", vkey)
    .executeTakeFirst();
  return row?.note ?? undefined;
}

/** Replaces the newest checkpoint if it still is `previous`. */
export async function swapNote(
  transaction: Transaction,
  vkey: string,
  previous: string | undefined,
  next: string,
): Promise<boolean> {
  const update = transaction
    .withTables<Tables>()
    .updateTable("monitor_shards")
    .set({ note: next })
    .where("vkey", "=", vkey);
  const result = await (
    previous === undefined ? update.where("note", "is", null) : update.where("note", "=", previous)
  ).executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Says how far a shard was checked; false when it was not at `from` any more. */
export async function moveChecked(
  transaction: Transaction,
  vkey: string,
  move: { readonly from: number; readonly to: number; readonly time: number },
): Promise<boolean> {
  const result = await transaction
    .withTables<Tables>()
    .updateTable("monitor_shards")
    .set({ checked: move.to, checked_time: move.time })
    .where("vkey", "=", vkey)
    .where("checked", "=", move.from)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function markShard(transaction: Transaction, vkey: string, mark: "is_final" | "is_forked"): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("monitor_shards")
    .set({ [mark]: 1 })
    .where("vkey", "=", vkey)
    .execute();
}

export interface ChainRow {
  readonly digest: Uint8Array;
  readonly seq: number;
  readonly idx: number;
}

export interface StandingRow {
  readonly digest: Uint8Array;
  readonly vkey: string;
  readonly idx: number;
}

/** Most values in one `in (…)`. */
const chunkSize = 500;

export async function chainsOf(
  reader: Reader,
  vkey: string,
  digests: readonly Uint8Array[],
): Promise<readonly ChainRow[]> {
  const found: ChainRow[] = [];
  for (let start = 0; start < digests.length; start += chunkSize)
    found.push(
      ...(await reader
        .withTables<Tables>()
        .selectFrom("monitor_chains")
        .select(["digest", "seq", "idx"])
        .where("vkey", "=", vkey)
        .where("digest", "in", digests.slice(start, start + chunkSize))
        .execute()),
    );
  return found;
}

export async function standingOf(
  reader: Reader,
  lineage: string,
  digests: readonly Uint8Array[],
): Promise<readonly StandingRow[]> {
  const found: StandingRow[] = [];
  for (let start = 0; start < digests.length; start += chunkSize)
    found.push(
      ...(await reader
        .withTables<Tables>()
        .selectFrom("monitor_standing")
        .select(["digest", "vkey", "idx"])
        .where("lineage", "=", lineage)
        .where("digest", "in", digests.slice(start, start + chunkSize))
        .execute()),
    );
  return found;
}

export async function putChains(transaction: Transaction, vkey: string, rows: readonly ChainRow[]): Promise<void> {
  for (let start = 0; start < rows.length; start += chunkSize)
    await transaction
      .withTables<Tables>()
      .insertInto("monitor_chains")
      .values(rows.slice(start, start + chunkSize).map((row) => ({ vkey, ...row })))
      .onConflict((conflict) =>
        conflict.columns(["vkey", "digest"]).doUpdateSet((builder) => ({
          seq: builder.ref("excluded.seq"),
          idx: builder.ref("excluded.idx"),
        })),
      )
      .execute();
}

export async function putStanding(
  transaction: Transaction,
  lineage: string,
  rows: readonly StandingRow[],
): Promise<void> {
  for (let start = 0; start < rows.length; start += chunkSize)
    await transaction
      .withTables<Tables>()
      .insertInto("monitor_standing")
      .values(rows.slice(start, start + chunkSize).map((row) => ({ lineage, ...row })))
      .onConflict((conflict) =>
        conflict.columns(["lineage", "digest"]).doUpdateSet((builder) => ({
          vkey: builder.ref("excluded.vkey"),
          idx: builder.ref("excluded.idx"),
        })),
      )
      .execute();
}
