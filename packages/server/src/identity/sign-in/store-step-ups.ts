import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { SignInTables } from "./tables.ts";

/** An operation that waits for its person, or was confirmed by it. */
export interface StepUp {
  /** Undefined for a one-time password that a client sent. */
  readonly id: string | undefined;
  readonly account: string;
  readonly credential: string;
  readonly operation: string;
  readonly what: string;
  readonly state: "waiting" | "confirmed" | "refused";
  readonly usesLeft: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly address: string;
}

type Row = SignInTables["step_ups"];

export async function insertStepUp(transaction: Transaction, digest: string, stepUp: StepUp): Promise<void> {
  await transaction
    .withTables<SignInTables>()
    .insertInto("step_ups")
    .values({
      digest,
      id: stepUp.id ?? null,
      account: stepUp.account,
      credential: stepUp.credential,
      operation: stepUp.operation,
      what: stepUp.what,
      state: stepUp.state,
      uses_left: stepUp.usesLeft,
      created_at_ms: stepUp.createdAtMs,
      expires_at_ms: stepUp.expiresAtMs,
      address: stepUp.address,
    })
    .onConflict((conflict) => conflict.column("digest").doNothing())
    .execute();
}

export async function readStepUp(
  reader: Reader,
  key: { readonly digest: string } | { readonly id: string },
): Promise<StepUp | undefined> {
  const query = reader.withTables<SignInTables>().selectFrom("step_ups").selectAll();
  const row = await (
    "id" in key ? query.where("id", "=", key.id) : query.where("digest", "=", key.digest)
  ).executeTakeFirst();
  return row && fromRow(row);
}

/** False when it is no longer waiting, of another account, or too old. */
export async function decideStepUp(
  transaction: Transaction,
  id: string,
  decision: { readonly account: string; readonly state: "confirmed" | "refused"; readonly nowMs: number },
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .withTables<SignInTables>()
    .updateTable("step_ups")
    .set({ state: decision.state })
    .where("id", "=", id)
    .where("account", "=", decision.account)
    .where("state", "=", "waiting")
    .where("expires_at_ms", ">", decision.nowMs)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Uses a confirmed one once, for exactly this; false when it is none, or none of theirs. */
export async function useStepUp(
  transaction: Transaction,
  use: Pick<StepUp, "account" | "credential" | "operation"> & { readonly digest: string; readonly nowMs: number },
): Promise<boolean> {
  const { numUpdatedRows } = await transaction
    .withTables<SignInTables>()
    .updateTable("step_ups")
    .set((of) => ({ uses_left: of("uses_left", "-", 1) }))
    .where("digest", "=", use.digest)
    .where("account", "=", use.account)
    .where("credential", "=", use.credential)
    .where("operation", "=", use.operation)
    .where("state", "=", "confirmed")
    .where("uses_left", ">", 0)
    .where("expires_at_ms", ">", use.nowMs)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** How many of an account wait. */
export async function countWaiting(reader: Reader, account: string): Promise<number> {
  const { count } = await reader
    .withTables<SignInTables>()
    .selectFrom("step_ups")
    .select((each) => each.fn.countAll().as("count"))
    .where("account", "=", account)
    .where("state", "=", "waiting")
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function deleteOldStepUps(transaction: Transaction, nowMs: number): Promise<void> {
  await transaction.withTables<SignInTables>().deleteFrom("step_ups").where("expires_at_ms", "<=", nowMs).execute();
}

function fromRow(row: Row): StepUp {
  return {
    id: row.id ?? undefined,
    account: row.account,
    credential: row.credential,
    operation: row.operation,
    what: row.what,
    state: row.state as StepUp["state"],
    usesLeft: row.uses_left,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    address: row.address,
  };
}
