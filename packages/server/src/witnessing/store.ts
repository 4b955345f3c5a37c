import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Tables } from "./tables.ts";

/** A checkpoint that this witness cosigned. */
export interface Cosigned {
  readonly size: number;
  readonly root: Uint8Array;
  /** The signed note: the log's signature and this witness's. */
  readonly note: string;
  /** Whole seconds since 1970. */
  readonly cosignedAt: number;
}

export interface LogRow {
  readonly origin: string;
  readonly vkey: string;
  /** Undefined until something was cosigned. */
  readonly last: Cosigned | undefined;
}

/** A signed checkpoint that somebody showed. */
export interface Shown {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
}

/** Adds a log unless it is there. */
export async function addLog(
  transaction: Transaction,
  log: { readonly origin: string; readonly vkey: string; readonly addedAtMs: number },
): Promise<void> {
  const { origin, vkey, addedAtMs } = log;
  const row = { origin, vkey, size: null, root: null, note: null, cosigned_at: null, added_at_ms: addedAtMs };
  await insertRows(transaction, "witness_logs", [row], { onConflict: "ignore" });
}

/** Gives a log another key. For a log of which nothing was cosigned yet. */
export async function setVkey(transaction: Transaction, origin: string, vkey: string): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("witness_logs")
    .set({ vkey })
    .where("origin", "=", origin)
    .where("size", "is", null)
    .execute();
}

export async function logOf(reader: Reader, origin: string): Promise<LogRow | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("witness_logs")
    .select(["origin", "vkey", "size", "root", "note", "cosigned_at"])
    .where("origin", "=", origin)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { vkey, size, root, note, cosigned_at: cosignedAt } = row;
  const last =
    size === null || root === null || note === null || cosignedAt === null
      ? undefined
      : { size, root, note, cosignedAt };
  return { origin, vkey, last };
}

/**
 * Replaces what was cosigned last if that still is `from`, and remembers the new one; false when it is not. Of two
 * at once one wins.
 */
export async function swapCosigned(
  transaction: Transaction,
  origin: string,
  from: Cosigned | undefined,
  next: Cosigned,
): Promise<boolean> {
  const { size, root, note, cosignedAt } = next;
  const update = transaction
    .withTables<Tables>()
    .updateTable("witness_logs")
    .set({ size, root, note, cosigned_at: cosignedAt })
    .where("origin", "=", origin);
  const result = await (
    from === undefined
      ? update.where("size", "is", null)
      : update.where("size", "=", from.size).where("note", "=", from.note)
  ).executeTakeFirst();
  if (result.numUpdatedRows !== 1n) return false;
  await transaction
    .withTables<Tables>()
    .insertInto("witness_checkpoints")
    .values({ origin, size, root, note })
    .onConflict((conflict) => conflict.columns(["origin", "size"]).doUpdateSet({ root, note }))
    .execute();
  return true;
}

/** The checkpoint of this size that was cosigned, among those that are kept. */
export async function cosignedAt(reader: Reader, origin: string, size: number): Promise<Shown | undefined> {
  return await reader
    .withTables<Tables>()
    .selectFrom("witness_checkpoints")
    .select(["origin", "size", "root", "note"])
    .where("origin", "=", origin)
    .where("size", "=", size)
    .executeTakeFirst();
}

/** Forgets all but the `keep` largest checkpoints of a log. */
export async function forgetOldCosigned(transaction: Transaction, origin: string, keep: number): Promise<void> {
  const tables = transaction.withTables<Tables>();
  const last = await tables
    .selectFrom("witness_checkpoints")
    .select("size")
    .where("origin", "=", origin)
    .orderBy("size", "desc")
    .limit(1)
    .offset(keep)
    .executeTakeFirst();
  if (last === undefined) return;
  await tables.deleteFrom("witness_checkpoints").where("origin", "=", origin).where("size", "<=", last.size).execute();
}

/** Keeps the evidence of a fork; false when it is there, and when there are `most` against this log. */
export async function addFork(
  transaction: Transaction,
  fork: { readonly origin: string; readonly digest: string; readonly document: string; readonly foundAtMs: number },
  most: number,
): Promise<boolean> {
  if ((await forksOf(transaction, fork.origin)).length >= most) return false;
  const { origin, digest, document, foundAtMs } = fork;
  const row = { origin, digest, document, found_at_ms: foundAtMs };
  return (await insertRows(transaction, "witness_forks", [row], { onConflict: "ignore" })) === 1;
}

/** The evidence against a log, oldest first. */
export async function forksOf(reader: Reader, origin: string): Promise<readonly string[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("witness_forks")
    .select("document")
    .where("origin", "=", origin)
    .orderBy("found_at_ms")
    .orderBy("digest")
    .execute();
  return rows.map((row) => row.document);
}
