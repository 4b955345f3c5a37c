import { sql } from "kysely";
import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Tables } from "./tables.ts";

const leadId = "sequencer";

/** The lead as a row shows it. */
export interface LeadRow {
  /** Raised by whoever takes the lead; by it the leader is known. */
  readonly fence: number;
  /** Counted on by the leader while it lives. */
  readonly beat: number;
  /** False when the leader gave it away, and before the first one. */
  readonly isHeld: boolean;
  /** Mark of the leader's process (`ProcessMarks`); undefined: it has none. */
  readonly mark: string | undefined;
}

export async function leadOf(reader: Reader): Promise<LeadRow> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_leads")
    .select(["fence", "beat", "is_held", "holder"])
    .where("id", "=", leadId)
    .executeTakeFirst();
  const fence = row?.fence ?? 0;
  // A release that knows no marks leaves that of the leader before.
  const [, mark] = row?.holder?.startsWith(`${fence} `) === true ? (/^[0-9]+ (.+)$/.exec(row.holder) ?? []) : [];
  return { fence, beat: row?.beat ?? 0, isHeld: row?.is_held === 1, mark };
}

/**
 * Makes the caller the one process that sequences, and answers its fence. With `seen`, only if the row still is that:
 * of several that saw the same leader die one gets it, and none from a leader that has beaten since.
 */
export async function raiseLead(
  transaction: Transaction,
  { seen, mark }: { readonly seen?: LeadRow; readonly mark?: string | undefined } = {},
): Promise<number | undefined> {
  const standing = await leadOf(transaction);
  if (seen !== undefined && (standing.fence !== seen.fence || standing.beat !== seen.beat)) return undefined;
  const row = await transaction
    .withTables<Tables>()
    .insertInto("log_leads")
    .values({ id: leadId, fence: 1, beat: 0, is_held: 1 })
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet((builder) => ({ fence: builder("log_leads.fence", "+", 1), is_held: 1 })),
    )
    .returning("fence")
    .executeTakeFirstOrThrow();
  await transaction
    .withTables<Tables>()
    .updateTable("log_leads")
    .set({ holder: mark === undefined ? null : `${row.fence} ${mark}` })
    .where("id", "=", leadId)
    .execute();
  return row.fence;
}

/** Shows the others that the leader lives; false when the lead is another's. */
export async function beatLead(transaction: Transaction, fence: number): Promise<boolean> {
  const result = await transaction
    .withTables<Tables>()
    .updateTable("log_leads")
    .set((builder) => ({ beat: builder("beat", "+", 1) }))
    .where("id", "=", leadId)
    .where("fence", "=", fence)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Lets the next one have the lead at once. Nothing when it is another's already. */
export async function giveLead(transaction: Transaction, fence: number): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("log_leads")
    .set({ is_held: 0 })
    .where("id", "=", leadId)
    .where("fence", "=", fence)
    .executeTakeFirst();
}

/** Whether nobody has raised the lead since. */
export async function isLead(reader: Reader, fence: number): Promise<boolean> {
  return (await leadOf(reader)).fence === fence;
}

/**
 * The logs that have something to do: entries that are not signed, a rotation under way, claims that wait. By partial
 * indexes over just these rows: what it costs does not grow with the number of logs.
 */
export async function logsWithWork(reader: Reader): Promise<readonly string[]> {
  const tables = reader.withTables<Tables>();
  const unsigned = await tables
    .selectFrom("log_heads")
    .innerJoin("log_shards", "log_shards.id", "log_heads.shard")
    .select("log_shards.log")
    .where(sql<boolean>`(log_heads.assigned_size > log_heads.size or log_heads.note is null)`)
    .where("log_shards.state", "in", ["open", "closing", "closed"])
    .execute();
  const rotating = await tables
    .selectFrom("log_shards")
    .select("log")
    .where("state", "in", ["closing", "closed"])
    .execute();
  const logs = new Set([...unsigned, ...rotating].map(({ log }) => log));
  // From one log to the next: claims that wait by the thousand are not read.
  for (let after = ""; ;) {
    const next = await tables
      .selectFrom("log_claims")
      .select("log")
      .where("shard", "is", null)
      .where("log", ">", after)
      .orderBy("log")
      .limit(1)
      .executeTakeFirst();
    if (next === undefined) return [...logs];
    logs.add(next.log);
    after = next.log;
  }
}
