import type { RecordKind } from "@assay/core";
import { sql } from "kysely";
import type { SelectQueryBuilder } from "kysely";
import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import { chunksOf } from "./store.ts";
import type { Tables } from "./tables.ts";

export interface Claim {
  readonly log: string;
  /** Unique in the log, for ever. */
  readonly key: string;
  readonly kind: RecordKind;
  /** "" of a record without a package. */
  readonly name: string;
  /** "" of a record without a version. */
  readonly version: string;
  /** The record up to its place in the log, see `claim-text.ts`. */
  readonly facts: string;
  readonly claimedAtMs: number;
}

export interface PendingClaim {
  readonly id: number;
  readonly kind: RecordKind;
  readonly name: string;
  readonly version: string;
  readonly facts: string;
}

/** Inserts a claim; false when its key stands already. Atomic under concurrency: the unique key decides. */
export async function insertClaim(transaction: Transaction, claim: Claim): Promise<boolean> {
  const { log, key, kind, name, version, facts, claimedAtMs } = claim;
  const row = { log, key, kind, name, version, facts, claimed_at_ms: claimedAtMs };
  return (await insertRows(transaction, "log_claims", [row], { onConflict: "ignore" })) === 1;
}

/** A claim and where it stands; `shard` and `idx` are null while it waits. */
export interface StoredClaim {
  readonly id: number;
  readonly key: string;
  readonly kind: RecordKind;
  readonly facts: string;
  readonly claimedAtMs: number;
  readonly shard: string | null;
  readonly idx: number | null;
}

/** The keys in [from, to), by bytes. */
export type KeyRange = readonly [from: string, to: string];

/** Claims whose key is in this range, by key. */
export async function claimsBetween(reader: Reader, log: string, range: KeyRange): Promise<readonly StoredClaim[]> {
  const rows = await inRange(selectClaims(reader, log), range).orderBy("key").execute();
  return rows.map(storedClaim);
}

/** Whether a claim's key is in this range. */
export async function anyClaimBetween(reader: Reader, log: string, range: KeyRange): Promise<boolean> {
  return (await inRange(selectClaims(reader, log), range).limit(1).executeTakeFirst()) !== undefined;
}

/** Of the claims with the last key in each of these ranges the newest. */
export async function newestClaim(
  reader: Reader,
  log: string,
  ranges: readonly KeyRange[],
): Promise<StoredClaim | undefined> {
  let newest: StoredClaim | undefined;
  for (const range of ranges) {
    const row = await inRange(selectClaims(reader, log), range).orderBy("key", "desc").limit(1).executeTakeFirst();
    if (row !== undefined && (newest === undefined || newest.id < row.id)) newest = storedClaim(row);
  }
  return newest;
}

/** How many claims have their key in this range. */
export async function countClaims(reader: Reader, log: string, range: KeyRange): Promise<number> {
  const { count } = await inRange(claimsOf(reader, log), range)
    .select((builder) => builder.fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Where the claims with these keys stand. `shard` and `idx` are null while a claim waits; unknown keys are left out. */
export async function positionsOf(
  reader: Reader,
  log: string,
  keys: readonly string[],
): Promise<readonly { readonly key: string; readonly shard: string | null; readonly idx: number | null }[]> {
  const found = [];
  for (const chunk of chunksOf(keys))
    found.push(
      ...(await reader
        .withTables<Tables>()
        .selectFrom("log_claims")
        .select(["key", "shard", "idx"])
        .where("log", "=", log)
        .where("key", "in", chunk)
        .execute()),
    );
  return found;
}

/** The oldest claims that wait, in the order of their ids. */
export async function pendingClaims(reader: Reader, log: string, limit: number): Promise<readonly PendingClaim[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("log_claims")
    .select(["id", "kind", "name", "version", "facts"])
    .where("log", "=", log)
    .where("shard", "is", null)
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, kind: row.kind as RecordKind }));
}

/**
 * Gives the waiting claims up to `lastId` the indexes from `firstIdx` on, in the order of their ids.
 * Answers how many: must equal what `pendingClaims` showed in this transaction.
 */
export async function markSequenced(
  transaction: Transaction,
  log: string,
  lastId: number,
  position: { readonly shard: string; readonly firstIdx: number },
): Promise<number> {
  const result = await sql`
    update log_claims
    set shard = ${position.shard}, idx = cast(${position.firstIdx} as bigint) + waiting.rank
    from (
      select id as waiting_id, row_number() over (order by id) - 1 as rank
      from log_claims
      where log = ${log} and shard is null and id <= ${lastId}
    ) as waiting
    where id = waiting.waiting_id`.execute(transaction);
  return Number(result.numAffectedRows ?? 0n);
}

/** A claim that waits. */
export async function waitingByKey(reader: Reader, log: string, key: string): Promise<PendingClaim> {
  const row = await claimsOf(reader, log)
    .select(["id", "kind", "name", "version", "facts"])
    .where("key", "=", key)
    .where("shard", "is", null)
    .executeTakeFirstOrThrow();
  return { ...row, kind: row.kind as RecordKind };
}

/** Gives waiting claims, in this order, the indexes from `firstIdx` on; answers how many. For a few of them. */
export async function markPlaced(
  transaction: Transaction,
  ids: readonly number[],
  { shard, firstIdx }: { readonly shard: string; readonly firstIdx: number },
): Promise<number> {
  let marked = 0n;
  for (const [i, id] of ids.entries()) {
    const result = await transaction
      .withTables<Tables>()
      .updateTable("log_claims")
      .set({ shard, idx: firstIdx + i })
      .where("id", "=", id)
      .where("shard", "is", null)
      .executeTakeFirst();
    marked += result.numUpdatedRows;
  }
  return Number(marked);
}

/**
 * Takes back the places from `from` on of a shard that will never sign them: claims wait again, except those that
 * were made for their very place, which are removed with the entries.
 */
export async function takeBackPlaces(transaction: Transaction, shard: string, from: number): Promise<void> {
  const tables = transaction.withTables<Tables>();
  await tables
    .deleteFrom("log_claims")
    .where("shard", "=", shard)
    .where("idx", ">=", from)
    .where("key", "like", "placed %")
    .execute();
  await tables
    .updateTable("log_claims")
    .set({ shard: null, idx: null })
    .where("shard", "=", shard)
    .where("idx", ">=", from)
    .execute();
  await tables.deleteFrom("log_entries").where("shard", "=", shard).where("idx", ">=", from).execute();
}

/** Claims of a log with an id above `afterId`, in the order of their ids: one page of a scan. */
export async function claimsPage(
  reader: Reader,
  log: string,
  afterId: number,
  limit: number,
): Promise<readonly StoredClaim[]> {
  const rows = await selectClaims(reader, log).where("id", ">", afterId).orderBy("id").limit(limit).execute();
  return rows.map(storedClaim);
}

/** The highest id of a claim of this log, 0 when it has none. */
export async function newestClaimId(reader: Reader, log: string): Promise<number> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_claims")
    .select("id")
    .where("log", "=", log)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.id ?? 0;
}

/** How many of the places below `size` of a shard a claim has. Reads all claims. */
export async function placedClaims(reader: Reader, shard: string, size: number): Promise<number> {
  const { count } = await reader
    .withTables<Tables>()
    .selectFrom("log_claims")
    .where("shard", "=", shard)
    .where("idx", "<", size)
    .select((builder) => builder.fn.count("idx").distinct().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function claimsOf(reader: Reader, log: string) {
  return reader.withTables<Tables>().selectFrom("log_claims").where("log", "=", log);
}

function selectClaims(reader: Reader, log: string) {
  return claimsOf(reader, log).select(["id", "key", "kind", "facts", "claimed_at_ms", "shard", "idx"]);
}

function inRange<Row>(
  query: SelectQueryBuilder<Tables, "log_claims", Row>,
  [from, to]: KeyRange,
): SelectQueryBuilder<Tables, "log_claims", Row> {
  return query.where("key", ">=", from).where("key", "<", to);
}

function storedClaim({
  kind,
  claimed_at_ms: claimedAtMs,
  ...row
}: Omit<StoredClaim, "kind" | "claimedAtMs"> & { readonly kind: string; readonly claimed_at_ms: number }): StoredClaim {
  return { ...row, kind: kind as RecordKind, claimedAtMs };
}
