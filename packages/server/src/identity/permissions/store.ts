import { epochMs, type EpochMs } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { PolicyTables } from "./tables.ts";

export interface SavedPolicies {
  readonly organisation: string;
  readonly text: string;
  readonly savedBy: string;
  readonly savedAtMs: EpochMs;
  readonly generation: number;
}

/** Those saved after a generation, oldest first. */
export async function policiesSince(reader: Reader, generation: number): Promise<readonly SavedPolicies[]> {
  const rows = await reader
    .withTables<PolicyTables>()
    .selectFrom("organisation_policies")
    .selectAll()
    .where("generation", ">", generation)
    .orderBy("generation")
    .execute();
  return rows.map(fromRow);
}

export async function readPolicies(reader: Reader, organisation: string): Promise<SavedPolicies | undefined> {
  const row = await reader
    .withTables<PolicyTables>()
    .selectFrom("organisation_policies")
    .selectAll()
    .where("organisation", "=", organisation)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Puts policies in place of those before, under the next generation, and answers it. */
export async function putPolicies(
  transaction: Transaction,
  { organisation, text, savedBy, savedAtMs }: Omit<SavedPolicies, "generation">,
): Promise<number> {
  const tables = transaction.withTables<PolicyTables>();
  const { newest } = await tables
    .selectFrom("organisation_policies")
    .select((build) => build.fn.max("generation").as("newest"))
    .executeTakeFirstOrThrow();
  const generation = (newest ?? 0) + 1;
  const values = { text, saved_by: savedBy, saved_at_ms: savedAtMs, generation };
  await tables
    .insertInto("organisation_policies")
    .values({ organisation, ...values })
    .onConflict((conflict) => conflict.column("organisation").doUpdateSet(values))
    .execute();
  return generation;
}

function fromRow(row: PolicyTables["organisation_policies"]): SavedPolicies {
  return {
    organisation: row.organisation,
    text: row.text,
    savedBy: row.saved_by,
    savedAtMs: epochMs(row.saved_at_ms),
    generation: row.generation,
  };
}
