import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import { claimsBetween } from "./store-claims.ts";
import type { EntryRow } from "./store.ts";
import type { Claim } from "./store-claims.ts";
import type { Tables } from "./tables.ts";

/** A shard of somebody else's log that this deployment follows. */
export interface RemoteRow {
  readonly vkey: string;
  /** Key of its claims, for ever. */
  readonly log: string;
  readonly origin: string;
  readonly visibility: "private" | "public";
  /** 0 of the shard whose key was pinned; its successors count up, its predecessors down. */
  readonly number: number;
  /** Newest signed checkpoint that was proven. */
  readonly note: string | undefined;
  readonly noteAtMs: number | undefined;
  /** Blob of the evidence that its key signed two histories. */
  readonly fork: string | undefined;
}

/** The row of a vkey. */
export async function remoteOf(reader: Reader, vkey: string): Promise<RemoteRow | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_remotes")
    .selectAll()
    .where("vkey", "=", vkey)
    .executeTakeFirst();
  return row && toRemote(row);
}

/** Every followed shard of a log, newest first. */
export async function remotesOf(reader: Reader, log: string): Promise<readonly RemoteRow[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("log_remotes")
    .selectAll()
    .where("log", "=", log)
    .orderBy("number", "desc")
    .execute();
  return rows.map(toRemote);
}

/** Adds a followed shard; nothing when its vkey is there. */
export async function addRemote(
  transaction: Transaction,
  remote: Pick<RemoteRow, "vkey" | "log" | "origin" | "number" | "note"> & { readonly createdAtMs: number },
): Promise<void> {
  const { vkey, log, origin, number, note, createdAtMs } = remote;
  await transaction
    .withTables<Tables>()
    .insertInto("log_remotes")
    .values({
      vkey,
      log,
      origin,
      visibility: "private",
      note: note ?? null,
      note_at_ms: note === undefined ? null : createdAtMs,
      fork: null,
      number,
      created_at_ms: createdAtMs,
    })
    .onConflict((conflict) => conflict.column("vkey").doNothing())
    .execute();
}

/** Compare-and-swap of the newest proven checkpoint; false when another one stands. */
export async function swapRemoteNote(
  transaction: Transaction,
  vkey: string,
  previous: string | undefined,
  next: { readonly note: string; readonly atMs: number },
): Promise<boolean> {
  const result = await transaction
    .withTables<Tables>()
    .updateTable("log_remotes")
    .set({ note: next.note, note_at_ms: next.atMs })
    .where("vkey", "=", vkey)
    .where("note", previous === undefined ? "is" : "=", previous ?? null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** What the log's operator says about who may read it. */
export async function setRemoteVisibility(
  transaction: Transaction,
  vkey: string,
  visibility: RemoteRow["visibility"],
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("log_remotes")
    .set({ visibility })
    .where("vkey", "=", vkey)
    .execute();
}

/** Nothing new is taken from this key any more: the first evidence stays. */
export async function setRemoteFork(transaction: Transaction, vkey: string, fork: string): Promise<boolean> {
  const result = await transaction
    .withTables<Tables>()
    .updateTable("log_remotes")
    .set({ fork })
    .where("vkey", "=", vkey)
    .where("fork", "is", null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

function toRemote(row: Tables["log_remotes"]): RemoteRow {
  return {
    vkey: row.vkey,
    log: row.log,
    origin: row.origin,
    visibility: row.visibility === "public" ? "public" : "private",
    number: row.number,
    note: row.note ?? undefined,
    noteAtMs: row.note_at_ms ?? undefined,
    fork: row.fork ?? undefined,
  };
}

/** As `insertClaim`, for a record that has its place in somebody else's log. */
export async function insertPlacedClaim(
  transaction: Transaction,
  claim: Claim,
  place: { readonly shard: string; readonly idx: number },
): Promise<boolean> {
  const { log, key, kind, name, version, facts, claimedAtMs } = claim;
  const row = { log, key, kind, name, version, facts, claimed_at_ms: claimedAtMs, ...place };
  return (await insertRows(transaction, "log_claims", [row], { onConflict: "ignore" })) === 1;
}

/** Keeps an entry of somebody else's log; nothing when it is there. */
export async function keepEntry(transaction: Transaction, shard: string, entry: EntryRow): Promise<void> {
  const row = { shard, idx: entry.idx, record: entry.record, leaf_hash: entry.leafHash };
  await insertRows(transaction, "log_entries", [row], { onConflict: "ignore" });
}

/** Where the records that bind versions of this package stand, as far as they are known of a log. */
export async function packagePlaces(
  reader: Reader,
  log: string,
  name: string,
): Promise<readonly { readonly shard: string; readonly idx: number }[]> {
  const places = [];
  for (const prefix of [`bind ${name}`, `supersede ${name}`]) {
    // "A" follows "@" in ASCII, and keys compare by bytes.
    for (const { shard, idx } of await claimsBetween(reader, log, [`${prefix}@`, `${prefix}A`]))
      if (shard !== null && idx !== null) places.push({ shard, idx });
  }
  return places;
}
