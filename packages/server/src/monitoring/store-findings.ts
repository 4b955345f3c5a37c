import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Tables } from "./tables.ts";

/** Something that a person must hear of. */
export interface StoredFinding {
  readonly id: number;
  readonly rule: string;
  readonly severity: "violation" | "notice";
  /** Of the shard, or the URL of a registry that was sampled. */
  readonly origin: string;
  readonly index: number | undefined;
  readonly sentence: string;
  /** JSON text; what anybody can check. */
  readonly evidence: string;
  readonly foundAtMs: number;
}

/** Adds a finding once, by its digest; false when it stands. */
export async function addFinding(
  transaction: Transaction,
  finding: Omit<StoredFinding, "id"> & { readonly digest: string },
): Promise<boolean> {
  const { digest, rule, severity, origin, index, sentence, evidence, foundAtMs } = finding;
  const about = { digest, rule, severity, origin, idx: index ?? null, sentence, evidence };
  const row = { ...about, found_at_ms: foundAtMs, posted_at_ms: null };
  return (await insertRows(transaction, "monitor_findings", [row], { onConflict: "ignore" })) === 1;
}

/** Findings with an id above this one, in the order in which they were found. */
export async function findingsAfter(reader: Reader, id: number, limit: number): Promise<readonly StoredFinding[]> {
  return await findings(reader, { afterId: id, limit, unpostedOnly: false });
}

/** Findings that some webhook has not taken yet. */
export async function unpostedFindings(reader: Reader, limit: number): Promise<readonly StoredFinding[]> {
  return await findings(reader, { afterId: 0, limit, unpostedOnly: true });
}

async function findings(
  reader: Reader,
  {
    afterId,
    limit,
    unpostedOnly,
  }: { readonly afterId: number; readonly limit: number; readonly unpostedOnly: boolean },
): Promise<readonly StoredFinding[]> {
  const query = reader
    .withTables<Tables>()
    .selectFrom("monitor_findings")
    .select(["id", "rule", "severity", "origin", "idx", "sentence", "evidence", "found_at_ms"])
    .where("id", ">", afterId)
    .orderBy("id")
    .limit(limit);
  const rows = await (unpostedOnly ? query.where("posted_at_ms", "is", null) : query).execute();
  return rows.map((row) => ({
    id: row.id,
    rule: row.rule,
    severity: row.severity === "notice" ? "notice" : "violation",
    origin: row.origin,
    index: row.idx ?? undefined,
    sentence: row.sentence,
    evidence: row.evidence,
    foundAtMs: row.found_at_ms,
  }));
}

/** How many findings of each severity stand. */
export async function countFindings(reader: Reader): Promise<ReadonlyMap<string, number>> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("monitor_findings")
    .select(["severity", (builder) => builder.fn.countAll().as("count")])
    .groupBy("severity")
    .execute();
  return new Map(rows.map((row) => [row.severity, Number(row.count)]));
}

export async function markPosted(transaction: Transaction, id: number, atMs: number): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("monitor_findings")
    .set({ posted_at_ms: atMs })
    .where("id", "=", id)
    .execute();
}
