import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { PeopleTables } from "./tables.ts";

/** A link by which one person makes an account. */
export interface Invitation {
  /** SHA-256 of its secret, hex. */
  readonly hash: string;
  /** `first-run`: the first administrator, printed at the start. */
  readonly kind: "first-run" | "invite";
  readonly isAdmin: boolean;
  readonly madeBy: string;
  readonly expiresAtMs: number;
}

export async function insertInvitation(transaction: Transaction, invitation: Invitation): Promise<void> {
  await transaction
    .withTables<PeopleTables>()
    .insertInto("invitations")
    .values({
      hash: invitation.hash,
      kind: invitation.kind,
      is_admin: invitation.isAdmin ? 1 : 0,
      made_by: invitation.madeBy,
      expires_at_ms: invitation.expiresAtMs,
    })
    .execute();
}

/** Undefined for what is over. */
export async function readInvitation(reader: Reader, hash: string, nowMs: number): Promise<Invitation | undefined> {
  const row = await reader
    .withTables<PeopleTables>()
    .selectFrom("invitations")
    .selectAll()
    .where("hash", "=", hash)
    .where("expires_at_ms", ">", nowMs)
    .executeTakeFirst();
  return (
    row && {
      hash: row.hash,
      kind: row.kind as Invitation["kind"],
      isAdmin: row.is_admin === 1,
      madeBy: row.made_by,
      expiresAtMs: row.expires_at_ms,
    }
  );
}

/** Uses it up. False when somebody else did. */
export async function deleteInvitation(transaction: Transaction, hash: string): Promise<boolean> {
  const done = await transaction
    .withTables<PeopleTables>()
    .deleteFrom("invitations")
    .where("hash", "=", hash)
    .executeTakeFirst();
  return Number(done.numDeletedRows) === 1;
}

export async function deleteOldInvitations(transaction: Transaction, beforeMs: number): Promise<void> {
  await transaction
    .withTables<PeopleTables>()
    .deleteFrom("invitations")
    .where("expires_at_ms", "<=", beforeMs)
    .execute();
}
