import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { SignInTables } from "./tables.ts";

export interface TotpFactor {
  readonly secret: string;
  readonly isConfirmed: boolean;
  readonly lastStep: number;
}

export async function readTotp(reader: Reader, account: string): Promise<TotpFactor | undefined> {
  const row = await reader
    .withTables<SignInTables>()
    .selectFrom("totp_factors")
    .selectAll()
    .where("account", "=", account)
    .executeTakeFirst();
  return row && { secret: row.secret, isConfirmed: row.is_confirmed === 1, lastStep: row.last_step };
}

/** Takes the place of one that was not confirmed; a confirmed one stays. */
export async function offerTotp(
  transaction: Transaction,
  account: string,
  secret: string,
  nowMs: number,
): Promise<boolean> {
  const known = await readTotp(transaction, account);
  if (known?.isConfirmed === true) return false;
  const fresh = { secret, is_confirmed: 0, last_step: 0, created_at_ms: nowMs };
  await transaction
    .withTables<SignInTables>()
    .insertInto("totp_factors")
    .values({ account, ...fresh })
    .onConflict((conflict) => conflict.column("account").doUpdateSet(fresh))
    .execute();
  return true;
}

/** The code of this time step was taken: it, and all before, are used up. */
export async function useTotpStep(transaction: Transaction, account: string, step: number): Promise<void> {
  await transaction
    .withTables<SignInTables>()
    .updateTable("totp_factors")
    .set({ last_step: step, is_confirmed: 1 })
    .where("account", "=", account)
    .execute();
}

export async function deleteTotp(transaction: Transaction, account: string): Promise<void> {
  await transaction.withTables<SignInTables>().deleteFrom("totp_factors").where("account", "=", account).execute();
}

export interface Passkey {
  /** Base64url, as the browser knows it. */
  readonly id: string;
  readonly label: string;
  readonly publicKey: string;
  readonly counter: number;
  readonly createdAtMs: number;
  readonly usedAtMs: number | undefined;
}

export async function readPasskeys(reader: Reader, account: string): Promise<readonly Passkey[]> {
  const rows = await reader
    .withTables<SignInTables>()
    .selectFrom("passkeys")
    .selectAll()
    .where("account", "=", account)
    .orderBy("created_at_ms")
    .orderBy("id")
    .execute();
  return rows.map((row) => ({
    id: row.id,
    label: row.label,
    publicKey: row.public_key,
    counter: row.counter,
    createdAtMs: row.created_at_ms,
    usedAtMs: row.used_at_ms ?? undefined,
  }));
}

/** False when the key is known already, of whomever. */
export async function insertPasskey(transaction: Transaction, account: string, passkey: Passkey): Promise<boolean> {
  const added = await transaction
    .withTables<SignInTables>()
    .insertInto("passkeys")
    .values({
      id: passkey.id,
      account,
      public_key: passkey.publicKey,
      counter: passkey.counter,
      label: passkey.label,
      created_at_ms: passkey.createdAtMs,
      used_at_ms: null,
    })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returning("id")
    .executeTakeFirst();
  return added !== undefined;
}

/** False when another use came first: a signature counts once. */
export async function usePasskey(
  transaction: Transaction,
  id: string,
  use: { readonly before: number; readonly counter: number; readonly nowMs: number },
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .withTables<SignInTables>()
    .updateTable("passkeys")
    .set({ counter: use.counter, used_at_ms: use.nowMs })
    .where("id", "=", id)
    .where("counter", "=", use.before)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

export async function deletePasskey(transaction: Transaction, account: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .withTables<SignInTables>()
    .deleteFrom("passkeys")
    .where("account", "=", account)
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

/** Everything that an account has besides its password. */
export async function deleteFactors(transaction: Transaction, account: string): Promise<void> {
  const tables = transaction.withTables<SignInTables>();
  for (const table of ["totp_factors", "passkeys", "recovery_codes", "factor_modes"] as const)
    await tables.deleteFrom(table).where("account", "=", account).execute();
}

export async function replaceRecoveryCodes(
  transaction: Transaction,
  account: string,
  digests: readonly string[],
): Promise<void> {
  const tables = transaction.withTables<SignInTables>();
  await tables.deleteFrom("recovery_codes").where("account", "=", account).execute();
  for (const digest of digests) await tables.insertInto("recovery_codes").values({ digest, account }).execute();
}

/** True once. */
export async function useRecoveryCode(transaction: Transaction, account: string, digest: string): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .withTables<SignInTables>()
    .deleteFrom("recovery_codes")
    .where("account", "=", account)
    .where("digest", "=", digest)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

export async function countRecoveryCodes(reader: Reader, account: string): Promise<number> {
  const { count } = await reader
    .withTables<SignInTables>()
    .selectFrom("recovery_codes")
    .select((each) => each.fn.countAll().as("count"))
    .where("account", "=", account)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export type FactorMode = "all" | "sign-in";

export async function readMode(reader: Reader, account: string): Promise<FactorMode> {
  const row = await reader
    .withTables<SignInTables>()
    .selectFrom("factor_modes")
    .select("mode")
    .where("account", "=", account)
    .executeTakeFirst();
  return row?.mode === "sign-in" ? "sign-in" : "all";
}

export async function writeMode(transaction: Transaction, account: string, mode: FactorMode): Promise<void> {
  await transaction
    .withTables<SignInTables>()
    .insertInto("factor_modes")
    .values({ account, mode })
    .onConflict((conflict) => conflict.column("account").doUpdateSet({ mode }))
    .execute();
}
