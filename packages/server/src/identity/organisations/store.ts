import type { PackageName } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { OrganisationTables } from "./tables.ts";

export type Role = "owner" | "admin" | "developer";
export type Level = "read" | "write";

export interface TeamRow {
  readonly organisation: string;
  readonly team: string;
}

const from = (reader: Reader) => reader.withTables<OrganisationTables>();

export async function readMembers(reader: Reader, organisation: string): Promise<ReadonlyMap<string, Role>> {
  const rows = await from(reader)
    .selectFrom("organisation_members")
    .select(["person", "role"])
    .where("organisation", "=", organisation)
    .orderBy("person")
    .execute();
  return new Map(rows.map(({ person, role }) => [person, role as Role]));
}

export async function putMember(tx: Transaction, organisation: string, person: string, role: Role): Promise<void> {
  await from(tx)
    .insertInto("organisation_members")
    .values({ organisation, person, role })
    .onConflict((conflict) => conflict.columns(["organisation", "person"]).doUpdateSet({ role }))
    .execute();
}

/** Out of the organisation, its teams, and the ownership of these packages of it. */
export async function deleteMember(
  tx: Transaction,
  organisation: string,
  person: string,
  packages: readonly PackageName[],
): Promise<void> {
  for (const table of ["organisation_members", "team_members"] as const)
    await from(tx).deleteFrom(table).where("organisation", "=", organisation).where("person", "=", person).execute();
  const owned = await from(tx).selectFrom("package_owners").select("package").where("person", "=", person).execute();
  for (const { package: name } of owned)
    if (packages.includes(name as PackageName)) await deleteOwner(tx, name as PackageName, person);
}

export async function readMemberships(
  reader: Reader,
  person: string,
): Promise<readonly { readonly name: string; readonly role: Role }[]> {
  const rows = await from(reader)
    .selectFrom("organisation_members")
    .select(["organisation", "role"])
    .where("person", "=", person)
    .execute();
  return rows.map(({ organisation, role }) => ({ name: organisation, role: role as Role }));
}

export async function readTeamsOf(reader: Reader, person: string): Promise<readonly TeamRow[]> {
  return await from(reader)
    .selectFrom("team_members")
    .select(["organisation", "team"])
    .where("person", "=", person)
    .execute();
}

export async function readTeams(reader: Reader, organisation: string): Promise<readonly string[]> {
  const rows = await from(reader)
    .selectFrom("teams")
    .select("team")
    .where("organisation", "=", organisation)
    .orderBy("team")
    .execute();
  return rows.map(({ team }) => team);
}

/** False when there is one already. */
export async function insertTeam(tx: Transaction, row: OrganisationTables["teams"]): Promise<boolean> {
  const done = await from(tx)
    .insertInto("teams")
    .values(row)
    .onConflict((conflict) => conflict.columns(["organisation", "team"]).doNothing())
    .executeTakeFirst();
  return Number(done.numInsertedOrUpdatedRows ?? 0) === 1;
}

export async function deleteTeam(tx: Transaction, { organisation, team }: TeamRow): Promise<void> {
  for (const table of ["team_members", "team_grants", "teams"] as const)
    await from(tx).deleteFrom(table).where("organisation", "=", organisation).where("team", "=", team).execute();
}

export async function readTeamMembers(reader: Reader, { organisation, team }: TeamRow): Promise<readonly string[]> {
  const rows = await from(reader)
    .selectFrom("team_members")
    .select("person")
    .where("organisation", "=", organisation)
    .where("team", "=", team)
    .orderBy("person")
    .execute();
  return rows.map(({ person }) => person);
}

export async function insertTeamMember(tx: Transaction, row: OrganisationTables["team_members"]): Promise<void> {
  await from(tx)
    .insertInto("team_members")
    .values(row)
    .onConflict((conflict) => conflict.columns(["organisation", "team", "person"]).doNothing())
    .execute();
}

export async function deleteTeamMember(tx: Transaction, row: OrganisationTables["team_members"]): Promise<void> {
  await from(tx)
    .deleteFrom("team_members")
    .where("organisation", "=", row.organisation)
    .where("team", "=", row.team)
    .where("person", "=", row.person)
    .execute();
}

export async function putGrant(tx: Transaction, team: TeamRow, name: PackageName, level: Level): Promise<void> {
  await from(tx)
    .insertInto("team_grants")
    .values({ ...team, package: name, level })
    .onConflict((conflict) => conflict.columns(["organisation", "team", "package"]).doUpdateSet({ level }))
    .execute();
}

export async function deleteGrant(tx: Transaction, { organisation, team }: TeamRow, name: PackageName): Promise<void> {
  await from(tx)
    .deleteFrom("team_grants")
    .where("organisation", "=", organisation)
    .where("team", "=", team)
    .where("package", "=", name)
    .execute();
}

export async function readTeamGrants(
  reader: Reader,
  { organisation, team }: TeamRow,
): Promise<ReadonlyMap<PackageName, Level>> {
  const rows = await from(reader)
    .selectFrom("team_grants")
    .select(["package", "level"])
    .where("organisation", "=", organisation)
    .where("team", "=", team)
    .orderBy("package")
    .execute();
  return new Map(rows.map((row) => [row.package as PackageName, row.level as Level]));
}

/** The packages that a person owns (`o`), reads (`r`) or writes (`w`) through teams, by name; the letters together. */
export async function readHands(reader: Reader, person: string): Promise<ReadonlyMap<PackageName, string>> {
  const owned = await from(reader)
    .selectFrom("package_owners")
    .select("package")
    .where("person", "=", person)
    .execute();
  const given = await from(reader)
    .selectFrom("team_grants")
    .innerJoin("team_members", (join) =>
      join
        .onRef("team_members.organisation", "=", "team_grants.organisation")
        .onRef("team_members.team", "=", "team_grants.team"),
    )
    .select(["team_grants.package", "team_grants.level"])
    .where("team_members.person", "=", person)
    .execute();
  const hands = new Map<PackageName, string>();
  const add = (name: string, letter: string): void => {
    const before = hands.get(name as PackageName) ?? "";
    const letters = ["o", "r", "w"].filter((one) => one === letter || before.includes(one));
    hands.set(name as PackageName, letters.join(""));
  };
  for (const row of owned) add(row.package, "o");
  for (const row of given) add(row.package, row.level === "write" ? "w" : "r");
  return hands;
}

export async function readGrants(
  reader: Reader,
  name: PackageName,
): Promise<readonly (TeamRow & { readonly level: Level })[]> {
  const rows = await from(reader)
    .selectFrom("team_grants")
    .select(["organisation", "team", "level"])
    .where("package", "=", name)
    .execute();
  return rows.map((row) => ({ ...row, level: row.level as Level }));
}

export async function readOwners(reader: Reader, name: PackageName): Promise<readonly string[]> {
  const rows = await from(reader)
    .selectFrom("package_owners")
    .select("person")
    .where("package", "=", name)
    .orderBy("person")
    .execute();
  return rows.map(({ person }) => person);
}

export async function insertOwner(tx: Transaction, name: PackageName, person: string): Promise<void> {
  await from(tx)
    .insertInto("package_owners")
    .values({ package: name, person })
    .onConflict((conflict) => conflict.columns(["package", "person"]).doNothing())
    .execute();
}

export async function deleteOwner(tx: Transaction, name: PackageName, person: string): Promise<void> {
  await from(tx).deleteFrom("package_owners").where("package", "=", name).where("person", "=", person).execute();
}
