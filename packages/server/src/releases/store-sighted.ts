import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Tables } from "./tables.ts";

/** A listing that waits to be recorded. */
export interface SightedRow {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly integrity: string | undefined;
  readonly manifest: string;
  readonly source: string;
}

export async function addSighted(transaction: Transaction, rows: readonly Omit<SightedRow, "id">[]): Promise<void> {
  await insertRows(
    transaction,
    "releases_sighted",
    rows.map((row) => ({ ...row, integrity: row.integrity ?? null })),
  );
}

/** The oldest ones. */
export async function oldestSighted(reader: Reader, limit: number): Promise<readonly SightedRow[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("releases_sighted")
    .selectAll()
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map((row) => ({ ...row, integrity: row.integrity ?? undefined }));
}

/** Forgets those up to an id. */
export async function removeSighted(transaction: Transaction, lastId: number): Promise<void> {
  await transaction.withTables<Tables>().deleteFrom("releases_sighted").where("id", "<=", lastId).execute();
}
