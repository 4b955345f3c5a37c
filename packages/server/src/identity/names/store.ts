import type { EpochMs, PackageName } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { HostedOrganisation, HostedPackage } from "./names.ts";
import type { NameTables } from "./tables.ts";

/** The newest change; what was read before it and is younger was read with it. */
export async function readGeneration(reader: Reader): Promise<number> {
  const { generation } = await reader
    .withTables<NameTables>()
    .selectFrom("hosted_generation")
    .select("generation")
    .executeTakeFirstOrThrow();
  return generation;
}

/** The number of the change that this transaction makes. Changes get theirs in the order of their commits. */
export async function raiseGeneration(transaction: Transaction): Promise<number> {
  const { generation } = await transaction
    .withTables<NameTables>()
    .updateTable("hosted_generation")
    .set((each) => ({ generation: each("generation", "+", 1) }))
    .returning("generation")
    .executeTakeFirstOrThrow();
  return generation;
}

export async function organisationsSince(reader: Reader, generation: number): Promise<readonly HostedOrganisation[]> {
  const rows = await reader
    .withTables<NameTables>()
    .selectFrom("organisations")
    .selectAll()
    .where("generation", ">", generation)
    .execute();
  return rows.map(organisationOf);
}

export async function packagesSince(reader: Reader, generation: number): Promise<readonly HostedPackage[]> {
  const rows = await reader
    .withTables<NameTables>()
    .selectFrom("hosted_packages")
    .selectAll()
    .where("generation", ">", generation)
    .execute();
  return rows.map(packageOf);
}

export async function readOrganisation(reader: Reader, name: string): Promise<HostedOrganisation | undefined> {
  const row = await reader
    .withTables<NameTables>()
    .selectFrom("organisations")
    .selectAll()
    .where("name", "=", name)
    .executeTakeFirst();
  return row && organisationOf(row);
}

export async function readPackage(reader: Reader, name: PackageName): Promise<HostedPackage | undefined> {
  const row = await reader
    .withTables<NameTables>()
    .selectFrom("hosted_packages")
    .selectAll()
    .where("name", "=", name)
    .executeTakeFirst();
  return row && packageOf(row);
}

export async function packageNamesOf(reader: Reader, organisation: string): Promise<readonly PackageName[]> {
  const rows = await reader
    .withTables<NameTables>()
    .selectFrom("hosted_packages")
    .select("name")
    .where("organisation", "=", organisation)
    .orderBy("name")
    .execute();
  return rows.map(({ name }) => name as PackageName);
}

/** An organisation, or a package, that looks like this skeleton says. */
export async function findAlike(
  reader: Reader,
  table: "organisations" | "hosted_packages",
  skeleton: string,
): Promise<string | undefined> {
  const row = await reader
    .withTables<NameTables>()
    .selectFrom(table)
    .select("name")
    .where("skeleton", "=", skeleton)
    .orderBy("name")
    .executeTakeFirst();
  return row?.name;
}

export async function insertOrganisation(
  transaction: Transaction,
  { name, person }: HostedOrganisation,
  { skeleton, atMs }: { readonly skeleton: string; readonly atMs: EpochMs },
): Promise<void> {
  await transaction
    .withTables<NameTables>()
    .insertInto("organisations")
    .values({
      name,
      skeleton,
      person: person ?? null,
      created_at_ms: atMs,
      generation: await raiseGeneration(transaction),
    })
    .execute();
}

export async function insertPackage(
  transaction: Transaction,
  { name, organisation, visibility }: Pick<HostedPackage, "name" | "organisation" | "visibility">,
  { skeleton, atMs }: { readonly skeleton: string; readonly atMs: EpochMs },
): Promise<void> {
  await transaction
    .withTables<NameTables>()
    .insertInto("hosted_packages")
    .values({
      name,
      organisation,
      skeleton,
      visibility,
      publish_requires_tfa: 0,
      automation_overrides_tfa: 1,
      made_at_ms: atMs,
      generation: await raiseGeneration(transaction),
    })
    .execute();
}

/** Changes what is said of a package; what is left out stays. */
export async function putSettings(
  transaction: Transaction,
  name: PackageName,
  settings: Partial<Pick<HostedPackage, "visibility" | "publishRequiresTfa" | "automationOverridesTfa">>,
): Promise<void> {
  const { visibility, publishRequiresTfa, automationOverridesTfa } = settings;
  await transaction
    .withTables<NameTables>()
    .updateTable("hosted_packages")
    .set({
      generation: await raiseGeneration(transaction),
      ...(visibility !== undefined && { visibility }),
      ...(publishRequiresTfa !== undefined && { publish_requires_tfa: Number(publishRequiresTfa) }),
      ...(automationOverridesTfa !== undefined && { automation_overrides_tfa: Number(automationOverridesTfa) }),
    })
    .where("name", "=", name)
    .execute();
}

function organisationOf({ name, person }: NameTables["organisations"]): HostedOrganisation {
  return { name, person: person ?? undefined };
}

function packageOf(row: NameTables["hosted_packages"]): HostedPackage {
  return {
    name: row.name as PackageName,
    organisation: row.organisation,
    visibility: row.visibility as HostedPackage["visibility"],
    publishRequiresTfa: row.publish_requires_tfa === 1,
    automationOverridesTfa: row.automation_overrides_tfa === 1,
  };
}
