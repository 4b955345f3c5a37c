import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { PeopleTables } from "./tables.ts";

/** A link by which a person sets a new password. */
export interface PasswordReset {
  /** SHA-256 of its secret, hex. */
  readonly hash: string;
  readonly account: string;
  readonly madeBy: string;
  readonly expiresAtMs: number;
}

/** Takes the place of those that were made before: of two links the newer one is good. */
export async function putReset(transaction: Transaction, reset: PasswordReset): Promise<void> {
  const { hash, account, madeBy, expiresAtMs } = reset;
  await deleteResetsOf(transaction, account);
  await transaction
    .withTables<PeopleTables>()
    .insertInto("password_resets")
    .values({ hash, account, made_by: madeBy, expires_at_ms: expiresAtMs })
    .execute();
}

/** Undefined for what is over. */
export async function readReset(reader: Reader, hash: string, nowMs: number): Promise<PasswordReset | undefined> {
  const row = await reader
    .withTables<PeopleTables>()
    .selectFrom("password_resets")
    .selectAll()
    .where("hash", "=", hash)
    .where("expires_at_ms", ">", nowMs)
    .executeTakeFirst();
  return row && { hash: row.hash, account: row.account, madeBy: row.made_by, expiresAtMs: row.expires_at_ms };
}

export async function deleteResetsOf(transaction: Transaction, account: string): Promise<void> {
  await transaction.withTables<PeopleTables>().deleteFrom("password_resets").where("account", "=", account).execute();
}

export async function deleteOldResets(transaction: Transaction, beforeMs: number): Promise<void> {
  await transaction
    .withTables<PeopleTables>()
    .deleteFrom("password_resets")
    .where("expires_at_ms", "<=", beforeMs)
    .execute();
}
