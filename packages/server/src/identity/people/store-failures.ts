import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { PeopleTables } from "./tables.ts";

export interface Failures {
  readonly failures: number;
  readonly lastAtMs: number;
}

export async function readFailures(
  reader: Reader,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, Failures>> {
  const rows = await reader
    .withTables<PeopleTables>()
    .selectFrom("password_failures")
    .selectAll()
    .where("subject", "in", subjects)
    .execute();
  return new Map(rows.map((row) => [row.subject, { failures: row.failures, lastAtMs: row.last_at_ms }]));
}

/** Counts one more; those before `sinceMs` are forgotten. */
export async function addFailure(
  transaction: Transaction,
  subject: string,
  nowMs: number,
  sinceMs: number,
): Promise<void> {
  const known = (await readFailures(transaction, [subject])).get(subject);
  const failures = known !== undefined && known.lastAtMs >= sinceMs ? known.failures + 1 : 1;
  await transaction
    .withTables<PeopleTables>()
    .insertInto("password_failures")
    .values({ subject, failures, last_at_ms: nowMs })
    .onConflict((conflict) => conflict.column("subject").doUpdateSet({ failures, last_at_ms: nowMs }))
    .execute();
}

export async function deleteFailures(transaction: Transaction, subjects: readonly string[]): Promise<void> {
  await transaction
    .withTables<PeopleTables>()
    .deleteFrom("password_failures")
    .where("subject", "in", subjects)
    .execute();
}

export async function deleteOldFailures(transaction: Transaction, beforeMs: number): Promise<void> {
  await transaction
    .withTables<PeopleTables>()
    .deleteFrom("password_failures")
    .where("last_at_ms", "<", beforeMs)
    .execute();
}
