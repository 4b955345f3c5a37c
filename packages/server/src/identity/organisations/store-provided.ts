import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { OrganisationTables } from "./tables.ts";

export type ProvidedRow = OrganisationTables["provided_memberships"];

const key = ["source", "person", "organisation", "team"] as const;

export async function insertProvided(transaction: Transaction, row: ProvidedRow): Promise<void> {
  await transaction
    .withTables<OrganisationTables>()
    .insertInto("provided_memberships")
    .values(row)
    .onConflict((conflict) => conflict.columns(key).doNothing())
    .execute();
}

export async function deleteProvided(transaction: Transaction, row: ProvidedRow): Promise<void> {
  await transaction
    .withTables<OrganisationTables>()
    .deleteFrom("provided_memberships")
    .where((is) => is.and(row))
    .execute();
}

/** What a person has from a source. */
export async function readProvided(reader: Reader, source: string, person: string): Promise<readonly ProvidedRow[]> {
  return await reader
    .withTables<OrganisationTables>()
    .selectFrom("provided_memberships")
    .selectAll()
    .where("source", "=", source)
    .where("person", "=", person)
    .orderBy("organisation")
    .orderBy("team")
    .execute();
}
