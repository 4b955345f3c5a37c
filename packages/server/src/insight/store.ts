import { sql } from "kysely";
import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Act } from "../platform/events/events.ts";
import { hashOf, type AuditEntry } from "./entry.ts";
import type { InsightTables } from "./tables.ts";

export interface AuditFilter {
  /** Only of this organisation; undefined: all. */
  readonly organisation: string | undefined;
  readonly who: string | undefined;
  /** A kind, or its beginning with a dot at the end: `token.`. */
  readonly kind: string | undefined;
  /** Epoch milliseconds, from and before. */
  readonly fromMs: number | undefined;
  readonly untilMs: number | undefined;
  /** Only numbers above, or only below. */
  readonly after: number | undefined;
  readonly before: number | undefined;
}

/** A transaction may commit this long after its events were written: they are still found. */
const lateMs = 600_000;
const mostAtOnce = 500;

/**
 * Adds what the outbox has and the trail has not, in the order of the events; answers how many. In one transaction,
 * which only one process at a time is in: a crash leaves whole entries.
 */
export async function appendFromOutbox(transaction: Transaction, nowMs: number): Promise<number> {
  const tables = transaction.withTables<InsightTables>();
  if (transaction.engine === "postgres") await sql`lock table audit_entries in exclusive mode`.execute(transaction);
  // Numbers of events are given before their transactions commit, so a smaller one may come later.
  const { floor } = await tables
    .selectFrom("audit_entries")
    .select((build) => build.fn.max("event").as("floor"))
    .where("at_ms", "<", nowMs - lateMs)
    .executeTakeFirstOrThrow();
  const events = await tables
    .selectFrom("events")
    .select(["id", "kind", "subject", "data", "act", "recorded_at_ms"])
    .where("audited", "=", 1)
    .where("id", ">", floor ?? 0)
    .where((build) =>
      build.not(
        build.exists(
          build
            .selectFrom("audit_entries")
            .select("audit_entries.seq")
            .whereRef("audit_entries.event", "=", "events.id"),
        ),
      ),
    )
    .orderBy("id")
    .limit(mostAtOnce)
    .execute();
  let { seq, hash: prev } = (await newestEntry(transaction)) ?? { seq: 0, hash: "-" };
  for (const event of events) {
    seq += 1;
    const data = JSON.parse(event.data) as AuditEntry["data"];
    const act = event.act === null ? null : (JSON.parse(event.act) as Act);
    const entry = { seq, at: event.recorded_at_ms, kind: event.kind, subject: event.subject, data, act, prev };
    const hash = hashOf(entry);
    const organisation = act?.organisation ?? data["organisation"];
    await tables
      .insertInto("audit_entries")
      .values({
        seq,
        event: event.id,
        at_ms: entry.at,
        kind: entry.kind,
        subject: entry.subject,
        data: event.data,
        act: event.act,
        who: act?.who ?? null,
        organisation: typeof organisation === "string" ? organisation : null,
        prev,
        hash,
      })
      .execute();
    prev = hash;
  }
  return events.length;
}

/** Whether the outbox has something that may not be in the trail; for looking without writing. */
export async function hasNews(reader: Reader, nowMs: number): Promise<boolean> {
  const tables = reader.withTables<InsightTables>();
  const { floor } = await tables
    .selectFrom("audit_entries")
    .select((build) => build.fn.max("event").as("floor"))
    .where("at_ms", "<", nowMs - lateMs)
    .executeTakeFirstOrThrow();
  const found = await tables
    .selectFrom("events")
    .select("id")
    .where("audited", "=", 1)
    .where("id", ">", floor ?? 0)
    .where((build) =>
      build.not(
        build.exists(
          build
            .selectFrom("audit_entries")
            .select("audit_entries.seq")
            .whereRef("audit_entries.event", "=", "events.id"),
        ),
      ),
    )
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}

export async function newestEntry(reader: Reader): Promise<AuditEntry | undefined> {
  const row = await reader
    .withTables<InsightTables>()
    .selectFrom("audit_entries")
    .selectAll()
    .orderBy("seq", "desc")
    .limit(1)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Newest first, or with `after` oldest first. */
export async function readEntries(reader: Reader, filter: AuditFilter, limit: number): Promise<readonly AuditEntry[]> {
  const { organisation, who, kind, fromMs, untilMs, after, before } = filter;
  let query = reader
    .withTables<InsightTables>()
    .selectFrom("audit_entries")
    .selectAll()
    .orderBy("seq", after === undefined ? "desc" : "asc")
    .limit(limit);
  if (organisation !== undefined) query = query.where("organisation", "=", organisation);
  if (who !== undefined) query = query.where("who", "=", who);
  if (kind !== undefined)
    query = kind.endsWith(".")
      ? query.where("kind", ">=", kind).where("kind", "<", `${kind.slice(0, -1)}/`)
      : query.where("kind", "=", kind);
  if (fromMs !== undefined) query = query.where("at_ms", ">=", fromMs);
  if (untilMs !== undefined) query = query.where("at_ms", "<", untilMs);
  if (after !== undefined) query = query.where("seq", ">", after);
  if (before !== undefined) query = query.where("seq", "<", before);
  return (await query.execute()).map(fromRow);
}

function fromRow(row: InsightTables["audit_entries"]): AuditEntry {
  return {
    seq: row.seq,
    at: row.at_ms,
    kind: row.kind,
    subject: row.subject,
    data: JSON.parse(row.data) as AuditEntry["data"],
    act: row.act === null ? null : (JSON.parse(row.act) as Act),
    prev: row.prev,
    hash: row.hash,
  };
}
