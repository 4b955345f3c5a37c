import { sql } from "kysely";
import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Tables } from "./tables.ts";

const leadId = "sequencer";

/** Makes the caller the one process that sequences, and answers the fence by which it is known. */
export async function raiseLead(transaction: Transaction): Promise<number> {
  const row = await transaction
    .withTables<Tables>()
    .insertInto("log_leads")
    .values({ id: leadId, fence: 1 })
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet((builder) => ({ fence: builder("log_leads.fence", "+", 1) })),
    )
    .returning("fence")
    .executeTakeFirstOrThrow();
  return row.fence;
}

/** Whether nobody has raised the lead since. */
export async function isLead(reader: Reader, fence: number): Promise<boolean> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_leads")
    .select("fence")
    .where("id", "=", leadId)
    .executeTakeFirst();
  return row?.fence === fence;
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
