import type { PackageName } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { TrustRule, TrustSubject } from "./rules.ts";
import type { Tables } from "./tables.ts";

export async function insertRule(transaction: Transaction, rule: TrustRule, issuerUrl: string): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("trust_rules")
    .values({
      id: rule.id,
      subject_kind: rule.subject.kind,
      subject: rule.subject.name,
      issuer: rule.issuer,
      issuer_url: issuerUrl,
      kind: rule.kind,
      claims: JSON.stringify(rule.claims),
      permissions: JSON.stringify(rule.permissions),
      pins: rule.pins === undefined ? null : JSON.stringify(rule.pins),
      created_at_ms: rule.createdAtMs,
      created_by: rule.createdBy,
      used_at_ms: rule.usedAtMs ?? null,
    })
    .execute();
}

/** The oldest first. */
export async function readRules(reader: Reader, { kind, name }: TrustSubject): Promise<readonly TrustRule[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("trust_rules")
    .selectAll()
    .where("subject_kind", "=", kind)
    .where("subject", "=", name)
    .orderBy("created_at_ms")
    .orderBy("id")
    .execute();
  return rows.map(fromRow);
}

export async function readRule(reader: Reader, id: string): Promise<TrustRule | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("trust_rules")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Whether any rule is for this issuer. */
export async function isIssuerNamed(reader: Reader, issuerUrl: string): Promise<boolean> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("trust_rules")
    .select("id")
    .where("issuer_url", "=", issuerUrl)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** False when there is none. */
export async function deleteRule(transaction: Transaction, id: string): Promise<boolean> {
  const done = await transaction.withTables<Tables>().deleteFrom("trust_rules").where("id", "=", id).executeTakeFirst();
  return Number(done.numDeletedRows) === 1;
}

export async function writeRuleUse(
  transaction: Transaction,
  id: string,
  pins: Readonly<Record<string, string>>,
  atMs: number,
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("trust_rules")
    .set({ pins: JSON.stringify(pins), used_at_ms: atMs })
    .where("id", "=", id)
    .execute();
}

/** Takes the token; false when it was taken before. */
export async function takeIdToken(transaction: Transaction, digest: string, usableUntilMs: number): Promise<boolean> {
  const done = await transaction
    .withTables<Tables>()
    .insertInto("used_id_tokens")
    .values({ digest, usable_until_ms: usableUntilMs })
    .onConflict((conflict) => conflict.column("digest").doNothing())
    .executeTakeFirst();
  return Number(done.numInsertedOrUpdatedRows) === 1;
}

/** Forgets tokens that have expired by themselves. */
export async function forgetIdTokens(transaction: Transaction, nowMs: number): Promise<void> {
  await transaction.withTables<Tables>().deleteFrom("used_id_tokens").where("usable_until_ms", "<", nowMs).execute();
}

export async function setTrustedOnly(
  transaction: Transaction,
  { kind, name }: TrustSubject,
  by: string,
  atMs: number,
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("trusted_publishers_only")
    .values({ subject_kind: kind, subject: name, set_at_ms: atMs, set_by: by })
    .onConflict((conflict) => conflict.columns(["subject_kind", "subject"]).doNothing())
    .execute();
}

export async function unsetTrustedOnly(transaction: Transaction, { kind, name }: TrustSubject): Promise<void> {
  await transaction
    .withTables<Tables>()
    .deleteFrom("trusted_publishers_only")
    .where("subject_kind", "=", kind)
    .where("subject", "=", name)
    .execute();
}

/** Which of these are published by trusted CI alone. */
export async function isTrustedOnly(reader: Reader, { kind, name }: TrustSubject): Promise<boolean> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("trusted_publishers_only")
    .select("subject")
    .where("subject_kind", "=", kind)
    .where("subject", "=", name)
    .executeTakeFirst();
  return row !== undefined;
}

function fromRow(row: Tables["trust_rules"]): TrustRule {
  return {
    id: row.id,
    subject:
      row.subject_kind === "package"
        ? { kind: "package", name: row.subject as PackageName }
        : { kind: "organisation", name: row.subject },
    issuer: row.issuer,
    kind: row.kind as TrustRule["kind"],
    claims: JSON.parse(row.claims) as TrustRule["claims"],
    permissions: JSON.parse(row.permissions) as TrustRule["permissions"],
    pins: row.pins === null ? undefined : (JSON.parse(row.pins) as Readonly<Record<string, string>>),
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    usedAtMs: row.used_at_ms ?? undefined,
  };
}
