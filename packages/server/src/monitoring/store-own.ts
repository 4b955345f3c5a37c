import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Tables } from "./tables.ts";

/** A bind of a name in an own scope. */
export interface OwnBind {
  readonly vkey: string;
  readonly idx: number;
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  readonly seenAtMs: number;
}

export async function addOwnBinds(transaction: Transaction, binds: readonly OwnBind[]): Promise<void> {
  await insertRows(
    transaction,
    "monitor_own",
    binds.map(({ seenAtMs, ...bind }) => ({ ...bind, seen_at_ms: seenAtMs, is_reported: 0 })),
    { onConflict: "ignore" },
  );
}

/** Own binds that nobody has said they expected, and that were not reported. */
export async function openOwnBinds(reader: Reader): Promise<readonly OwnBind[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("monitor_own")
    .select(["vkey", "idx", "name", "version", "integrity", "seen_at_ms"])
    .where("is_reported", "=", 0)
    .orderBy("seen_at_ms")
    .orderBy("idx")
    .execute();
  return rows.map(({ seen_at_ms: seenAtMs, ...bind }) => ({ ...bind, seenAtMs }));
}

/** Takes binds off the list: they were expected, or were reported. */
export async function closeOwnBinds(transaction: Transaction, binds: readonly OwnBind[]): Promise<void> {
  for (const { vkey, idx } of binds)
    await transaction
      .withTables<Tables>()
      .updateTable("monitor_own")
      .set({ is_reported: 1 })
      .where("vkey", "=", vkey)
      .where("idx", "=", idx)
      .execute();
}
