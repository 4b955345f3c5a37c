import type { Reader, Transaction } from "../platform/database/database.ts";
import type { SignedTree } from "./store-shards.ts";
import type { Tables } from "./tables.ts";

/** The newest checkpoint of a shard that met the witness policy. */
export interface CosignedRow extends SignedTree {
  readonly edge: Uint8Array;
  /** With the log's signature and the witnesses' lines. */
  readonly note: string;
  readonly atMs: number;
}

export async function cosignedOf(reader: Reader, shard: string): Promise<CosignedRow | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_cosigned")
    .select(["size", "root", "edge", "note", "published_at_ms"])
    .where("shard", "=", shard)
    .executeTakeFirst();
  return row && { size: row.size, root: row.root, edge: row.edge, note: row.note, atMs: row.published_at_ms };
}

/** Replaces the newest one; false when a larger one stands. */
export async function putCosigned(transaction: Transaction, shard: string, next: CosignedRow): Promise<boolean> {
  const { size, root, edge, note, atMs } = next;
  const values = { size, root, edge, note, published_at_ms: atMs };
  const result = await transaction
    .withTables<Tables>()
    .insertInto("log_cosigned")
    .values({ shard, ...values })
    .onConflict((conflict) => conflict.column("shard").doUpdateSet(values).where("log_cosigned.size", "<=", size))
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}
