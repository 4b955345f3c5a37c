import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { SignInTables } from "./tables.ts";

/** A client that waits for a person to sign it in. */
export interface WebLogin {
  readonly id: string;
  readonly code: string;
  readonly state: "waiting" | "confirmed" | "refused";
  readonly account: string | undefined;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly address: string;
  readonly agent: string;
}

type Row = SignInTables["web_logins"];

export async function insertWebLogin(transaction: Transaction, digest: string, login: WebLogin): Promise<void> {
  await transaction
    .withTables<SignInTables>()
    .insertInto("web_logins")
    .values({
      digest,
      id: login.id,
      code: login.code,
      state: login.state,
      account: login.account ?? null,
      created_at_ms: login.createdAtMs,
      expires_at_ms: login.expiresAtMs,
      address: login.address,
      agent: login.agent,
    })
    .execute();
}

export async function readWebLogin(
  reader: Reader,
  key: { readonly digest: string } | { readonly id: string },
): Promise<WebLogin | undefined> {
  const query = reader.withTables<SignInTables>().selectFrom("web_logins").selectAll();
  const row = await (
    "id" in key ? query.where("id", "=", key.id) : query.where("digest", "=", key.digest)
  ).executeTakeFirst();
  return row && fromRow(row);
}

/** False when it is no longer waiting, or too old. */
export async function decideWebLogin(
  transaction: Transaction,
  id: string,
  decision: { readonly state: "confirmed" | "refused"; readonly account: string; readonly nowMs: number },
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .withTables<SignInTables>()
    .updateTable("web_logins")
    .set({ state: decision.state, account: decision.account })
    .where("id", "=", id)
    .where("state", "=", "waiting")
    .where("expires_at_ms", ">", decision.nowMs)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

export async function deleteWebLogin(transaction: Transaction, digest: string): Promise<WebLogin | undefined> {
  const row = await transaction
    .withTables<SignInTables>()
    .deleteFrom("web_logins")
    .where("digest", "=", digest)
    .returningAll()
    .executeTakeFirst();
  return row && fromRow(row);
}

/** All that wait, the oldest first. */
export async function readWaiting(
  reader: Reader,
): Promise<readonly { readonly id: string; readonly address: string }[]> {
  return await reader
    .withTables<SignInTables>()
    .selectFrom("web_logins")
    .select(["id", "address"])
    .where("state", "=", "waiting")
    .orderBy("created_at_ms")
    .orderBy("id")
    .execute();
}

export async function dropWebLogin(transaction: Transaction, id: string): Promise<void> {
  await transaction.withTables<SignInTables>().deleteFrom("web_logins").where("id", "=", id).execute();
}

/** Those that a person confirmed and whose client has not come yet. */
export async function dropWebLoginsOf(transaction: Transaction, account: string): Promise<void> {
  await transaction.withTables<SignInTables>().deleteFrom("web_logins").where("account", "=", account).execute();
}

export async function deleteOldWebLogins(transaction: Transaction, nowMs: number): Promise<void> {
  await transaction.withTables<SignInTables>().deleteFrom("web_logins").where("expires_at_ms", "<=", nowMs).execute();
}

export async function countWebLogins(reader: Reader): Promise<number> {
  const { count } = await reader
    .withTables<SignInTables>()
    .selectFrom("web_logins")
    .select((each) => each.fn.countAll().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function fromRow(row: Row): WebLogin {
  return {
    id: row.id,
    code: row.code,
    state: row.state as WebLogin["state"],
    account: row.account ?? undefined,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    address: row.address,
    agent: row.agent,
  };
}
