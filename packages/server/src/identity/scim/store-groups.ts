import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { Filter } from "./filter.ts";
import type { Paging } from "./messages.ts";
import type { ScimUserRow } from "./store.ts";
import type { ScimTables } from "./tables.ts";

export type ScimGroupRow = ScimTables["scim_groups"];
export type GroupFilter = Filter<"displayName" | "externalId" | "id">;

const from = (reader: Reader) => reader.withTables<ScimTables>();

export async function readScimGroup(reader: Reader, issuer: string, id: string): Promise<ScimGroupRow | undefined> {
  return await from(reader)
    .selectFrom("scim_groups")
    .selectAll()
    .where("issuer", "=", issuer)
    .where("id", "=", id)
    .executeTakeFirst();
}

/** In the order of their making, and how many there are in all. */
export async function readScimGroups(
  reader: Reader,
  issuer: string,
  filter: GroupFilter | undefined,
  { startIndex, count }: Paging,
): Promise<{ readonly rows: readonly ScimGroupRow[]; readonly total: number }> {
  let query = from(reader).selectFrom("scim_groups").where("issuer", "=", issuer);
  if (filter?.attribute === "displayName") query = query.where("display_name_key", "=", filter.value.toLowerCase());
  if (filter?.attribute === "externalId") query = query.where("external_id", "=", filter.value);
  if (filter?.attribute === "id") query = query.where("id", "=", filter.value);
  const counted = await query.select((each) => each.fn.countAll().as("count")).executeTakeFirstOrThrow();
  const rows = await query
    .selectAll()
    .orderBy("created_at_ms")
    .orderBy("id")
    .offset(startIndex - 1)
    .limit(count)
    .execute();
  return { rows, total: Number(counted.count) };
}

/** Makes it, or writes what changed of it. */
export async function putScimGroup(transaction: Transaction, row: ScimGroupRow): Promise<void> {
  const { display_name, display_name_key, external_id, changed_at_ms } = row;
  await from(transaction)
    .insertInto("scim_groups")
    .values(row)
    .onConflict((conflict) =>
      conflict.column("id").doUpdateSet({ display_name, display_name_key, external_id, changed_at_ms }),
    )
    .execute();
}

/** With who is in it. */
export async function deleteScimGroup(transaction: Transaction, id: string): Promise<void> {
  await from(transaction).deleteFrom("scim_group_members").where("group_id", "=", id).execute();
  await from(transaction).deleteFrom("scim_groups").where("id", "=", id).execute();
}

export async function readGroupMembers(reader: Reader, groupId: string): Promise<readonly ScimUserRow[]> {
  return await from(reader)
    .selectFrom("scim_users")
    .innerJoin("scim_group_members", "scim_group_members.user_id", "scim_users.id")
    .selectAll("scim_users")
    .where("scim_group_members.group_id", "=", groupId)
    .orderBy("scim_users.id")
    .execute();
}

export async function addGroupMember(transaction: Transaction, groupId: string, userId: string): Promise<void> {
  await from(transaction)
    .insertInto("scim_group_members")
    .values({ group_id: groupId, user_id: userId })
    .onConflict((conflict) => conflict.columns(["group_id", "user_id"]).doNothing())
    .execute();
}

export async function deleteGroupMember(transaction: Transaction, groupId: string, userId: string): Promise<void> {
  await from(transaction)
    .deleteFrom("scim_group_members")
    .where("group_id", "=", groupId)
    .where("user_id", "=", userId)
    .execute();
}

/** Out of every group. */
export async function deleteMemberships(transaction: Transaction, userId: string): Promise<void> {
  await from(transaction).deleteFrom("scim_group_members").where("user_id", "=", userId).execute();
}

/** Of the groups that somebody is in. */
export async function readGroupNames(reader: Reader, userId: string): Promise<readonly string[]> {
  const rows = await from(reader)
    .selectFrom("scim_groups")
    .innerJoin("scim_group_members", "scim_group_members.group_id", "scim_groups.id")
    .select("scim_groups.display_name")
    .where("scim_group_members.user_id", "=", userId)
    .orderBy("scim_groups.display_name")
    .execute();
  return rows.map(({ display_name }) => display_name);
}
