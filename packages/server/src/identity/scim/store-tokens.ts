import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { ScimTables } from "./tables.ts";

export type ScimTokenRow = ScimTables["scim_tokens"];

export async function insertScimToken(transaction: Transaction, row: ScimTokenRow): Promise<void> {
  await transaction.withTables<ScimTables>().insertInto("scim_tokens").values(row).execute();
}

export async function readScimToken(reader: Reader, hash: string): Promise<ScimTokenRow | undefined> {
  return await reader
    .withTables<ScimTables>()
    .selectFrom("scim_tokens")
    .selectAll()
    .where("hash", "=", hash)
    .executeTakeFirst();
}

/** The oldest first. */
export async function readScimTokens(reader: Reader): Promise<readonly ScimTokenRow[]> {
  return await reader
    .withTables<ScimTables>()
    .selectFrom("scim_tokens")
    .selectAll()
    .orderBy("created_at_ms")
    .orderBy("key")
    .execute();
}

/** False when there is none of that key. */
export async function deleteScimToken(transaction: Transaction, key: string): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .withTables<ScimTables>()
    .deleteFrom("scim_tokens")
    .where("key", "=", key)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}
