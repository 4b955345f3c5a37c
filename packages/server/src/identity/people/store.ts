import type { EpochMs } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { PeopleTables } from "./tables.ts";

/** A person, or a bot that a person answers for. */
export interface Account {
  readonly name: string;
  readonly kind: "person" | "bot";
  /** Who is disabled can neither sign in nor use any token. */
  readonly state: "active" | "disabled";
  /** Principal that disabled it. */
  readonly disabledBy: string | undefined;
  /** Administers the registry. Never a bot. */
  readonly isAdmin: boolean;
  readonly email: string | undefined;
  readonly fullName: string | undefined;
  /** User name of the person who answers for a bot. */
  readonly operator: string | undefined;
  readonly createdAtMs: EpochMs;
}

type Row = PeopleTables["accounts"];

export async function readAccount(
  reader: Reader,
  name: string,
): Promise<{ readonly account: Account; readonly password: string | undefined } | undefined> {
  const row = await reader
    .withTables<PeopleTables>()
    .selectFrom("accounts")
    .selectAll()
    .where("name", "=", name)
    .executeTakeFirst();
  return row && { account: fromRow(row), password: row.password ?? undefined };
}

export async function readAccounts(reader: Reader): Promise<readonly Account[]> {
  const rows = await reader.withTables<PeopleTables>().selectFrom("accounts").selectAll().orderBy("name").execute();
  return rows.map(fromRow);
}

/** False when the name is taken. */
export async function insertAccount(
  transaction: Transaction,
  account: Account,
  password: string | undefined,
): Promise<boolean> {
  const done = await transaction
    .withTables<PeopleTables>()
    .insertInto("accounts")
    .values({
      name: account.name,
      kind: account.kind,
      state: account.state,
      disabled_by: account.disabledBy ?? null,
      is_admin: account.isAdmin ? 1 : 0,
      email: account.email ?? null,
      full_name: account.fullName ?? null,
      operator: account.operator ?? null,
      password: password ?? null,
      created_at_ms: account.createdAtMs,
    })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .executeTakeFirst();
  return Number(done.numInsertedOrUpdatedRows ?? 0) === 1;
}

/** What can change of an account; what is left out stays. */
export type AccountChange = Partial<
  Pick<Row, "state" | "disabled_by" | "is_admin" | "email" | "full_name" | "password">
>;

/** False when there is no such account. */
export async function updateAccount(transaction: Transaction, name: string, change: AccountChange): Promise<boolean> {
  const done = await transaction
    .withTables<PeopleTables>()
    .updateTable("accounts")
    .set(change)
    .where("name", "=", name)
    .executeTakeFirst();
  return Number(done.numUpdatedRows) === 1;
}

/** Active administrators. */
export async function countAdmins(reader: Reader): Promise<number> {
  const { count } = await reader
    .withTables<PeopleTables>()
    .selectFrom("accounts")
    .select((each) => each.fn.countAll().as("count"))
    .where("is_admin", "=", 1)
    .where("state", "=", "active")
    .executeTakeFirstOrThrow();
  return Number(count);
}

function fromRow(row: Row): Account {
  return {
    name: row.name,
    kind: row.kind as Account["kind"],
    state: row.state as Account["state"],
    disabledBy: row.disabled_by ?? undefined,
    isAdmin: row.is_admin === 1,
    email: row.email ?? undefined,
    fullName: row.full_name ?? undefined,
    operator: row.operator ?? undefined,
    createdAtMs: row.created_at_ms as EpochMs,
  };
}
