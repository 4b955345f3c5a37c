import type { PackageName } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";

/** A source that served something wrong, and until when it is left alone. */
export interface AsideRow {
  readonly alias: string;
  /** Where the alias led then: another place is another source. */
  readonly url: string;
  /** How often in a row, from 1. */
  readonly strikes: number;
  readonly since_ms: number;
  readonly until_ms: number;
  readonly reason: string;
  /** What it was asked for. */
  readonly name: string;
  readonly version: string;
}

/** By what an auditor's document of a package is asked for again. */
export interface AuditListingRow {
  readonly auditor: string;
  readonly name: PackageName;
  readonly etag: string | null;
  readonly last_modified: string | null;
}

type Tables = { upstream_aside: AsideRow; auditor_listings: AuditListingRow };

export function readAside(reader: Reader): Promise<readonly AsideRow[]> {
  return reader.withTables<Tables>().selectFrom("upstream_aside").selectAll().orderBy("alias").execute();
}

/** Puts the row in place of that of its alias. */
export async function replaceAside(transaction: Transaction, row: AsideRow): Promise<void> {
  const { alias: _, ...columns } = row;
  await transaction
    .withTables<Tables>()
    .insertInto("upstream_aside")
    .values(row)
    .onConflict((conflict) => conflict.column("alias").doUpdateSet(columns))
    .execute();
}

/** True when there was a row of this alias. */
export async function removeAside(transaction: Transaction, alias: string): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .withTables<Tables>()
    .deleteFrom("upstream_aside")
    .where("alias", "=", alias)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

export function readAuditListing(
  reader: Reader,
  auditor: string,
  name: PackageName,
): Promise<AuditListingRow | undefined> {
  return reader
    .withTables<Tables>()
    .selectFrom("auditor_listings")
    .selectAll()
    .where("auditor", "=", auditor)
    .where("name", "=", name)
    .executeTakeFirst();
}

/** Puts the row in place of that of its auditor and name. */
export async function replaceAuditListing(transaction: Transaction, row: AuditListingRow): Promise<void> {
  const { etag, last_modified } = row;
  await transaction
    .withTables<Tables>()
    .insertInto("auditor_listings")
    .values(row)
    .onConflict((conflict) => conflict.columns(["auditor", "name"]).doUpdateSet({ etag, last_modified }))
    .execute();
}
