import type { Integrity, PackageName, Version } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { AuditRow } from "./examined.ts";
import type { Tables } from "./tables.ts";

/** The namespace of upstream packages, which is also their log's id. */
const ns = "npm";

/** What all auditors list of a package. */
export async function auditsOf(reader: Reader, name: PackageName): Promise<readonly AuditRow[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("release_audits")
    .select(["auditor", "version", "integrity"])
    .where("ns", "=", ns)
    .where("name", "=", name)
    .execute();
  return rows.map(({ auditor, version, integrity }) => ({
    auditor,
    version: version as Version,
    integrity: integrity as Integrity,
  }));
}

/** Puts an auditor's list of a package in place of the one before. */
export async function replaceAudit(
  transaction: Transaction,
  name: PackageName,
  auditor: string,
  versions: ReadonlyMap<Version, Integrity>,
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .deleteFrom("release_audits")
    .where("ns", "=", ns)
    .where("name", "=", name)
    .where("auditor", "=", auditor)
    .execute();
  await insertRows(
    transaction,
    "release_audits",
    [...versions].map(([version, integrity]) => ({ ns, name, auditor, version, integrity })),
    { onConflict: "ignore" },
  );
}
