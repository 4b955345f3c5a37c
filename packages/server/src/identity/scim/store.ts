import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { Filter } from "./filter.ts";
import type { Paging } from "./messages.ts";
import type { ScimTables } from "./tables.ts";

export type ScimUserRow = ScimTables["scim_users"];

export interface ScimUser {
  readonly user: ScimUserRow;
}

export type UserFilter = Filter<"userName" | "externalId" | "id">;

const from = (reader: Reader) => reader.withTables<ScimTables>();

/** One that the provider deleted is not found. */
export async function readScimUser(reader: Reader, issuer: string, id: string): Promise<ScimUserRow | undefined> {
  return await from(reader)
    .selectFrom("scim_users")
    .selectAll()
    .where("issuer", "=", issuer)
    .where("id", "=", id)
    .where("is_deleted", "=", 0)
    .executeTakeFirst();
}

/** Deleted ones too. */
export async function readByExternalId(
  reader: Reader,
  issuer: string,
  externalId: string,
): Promise<ScimUserRow | undefined> {
  return await from(reader)
    .selectFrom("scim_users")
    .selectAll()
    .where("issuer", "=", issuer)
    .where("external_id", "=", externalId)
    .executeTakeFirst();
}

/** Deleted ones too. */
export async function readByAccount(reader: Reader, account: string): Promise<ScimUserRow | undefined> {
  return await from(reader).selectFrom("scim_users").selectAll().where("account", "=", account).executeTakeFirst();
}

/** Deleted ones too. */
export async function readAllOf(
  reader: Reader,
  issuer: string,
): Promise<readonly Pick<ScimUserRow, "id" | "account">[]> {
  return await from(reader).selectFrom("scim_users").select(["id", "account"]).where("issuer", "=", issuer).execute();
}

/** In the order of their making, and how many there are in all. */
export async function readScimUsers(
  reader: Reader,
  issuer: string,
  filter: UserFilter | undefined,
  { startIndex, count }: Paging,
): Promise<{ readonly rows: readonly ScimUserRow[]; readonly total: number }> {
  let query = from(reader).selectFrom("scim_users").where("issuer", "=", issuer).where("is_deleted", "=", 0);
  if (filter?.attribute === "userName") query = query.where("user_name_key", "=", filter.value.toLowerCase());
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
export async function putScimUser(transaction: Transaction, row: ScimUserRow): Promise<void> {
  const { id: _id, issuer: _issuer, account: _account, external_id: _external, created_at_ms: _at, ...changed } = row;
  await from(transaction)
    .insertInto("scim_users")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doUpdateSet(changed))
    .execute();
}
