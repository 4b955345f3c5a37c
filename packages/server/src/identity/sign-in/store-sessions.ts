import type { EpochMs } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { SignInTables } from "./tables.ts";

/** Somebody signed in with a browser. */
export interface Session {
  /** Public. */
  readonly id: string;
  /** User name. */
  readonly account: string;
  /** False between the password and the second factor: good for nothing but giving that. */
  readonly isComplete: boolean;
  readonly createdAtMs: EpochMs;
  readonly seenAtMs: EpochMs;
  readonly expiresAtMs: EpochMs;
  readonly steppedUpAtMs: EpochMs | undefined;
  readonly address: string;
  /** The browser, as it calls itself. */
  readonly agent: string;
  /** Id of the provider link that it came by. */
  readonly link: string | undefined;
}

type Row = SignInTables["sessions"];

export async function insertSession(transaction: Transaction, digest: string, session: Session): Promise<void> {
  await transaction
    .withTables<SignInTables>()
    .insertInto("sessions")
    .values({
      digest,
      id: session.id,
      account: session.account,
      is_complete: session.isComplete ? 1 : 0,
      created_at_ms: session.createdAtMs,
      seen_at_ms: session.seenAtMs,
      expires_at_ms: session.expiresAtMs,
      stepped_up_at_ms: session.steppedUpAtMs ?? null,
      challenge: null,
      address: session.address,
      agent: session.agent,
      link: session.link ?? null,
    })
    .execute();
}

export async function readSession(reader: Reader, digest: string): Promise<Session | undefined> {
  const row = await reader
    .withTables<SignInTables>()
    .selectFrom("sessions")
    .selectAll()
    .where("digest", "=", digest)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Newest first. */
export async function readSessions(reader: Reader, account: string): Promise<readonly Session[]> {
  const rows = await reader
    .withTables<SignInTables>()
    .selectFrom("sessions")
    .selectAll()
    .where("account", "=", account)
    .orderBy("created_at_ms", "desc")
    .orderBy("id")
    .execute();
  return rows.map(fromRow);
}

export async function touchSession(transaction: Transaction, digest: string, nowMs: number): Promise<void> {
  await transaction
    .withTables<SignInTables>()
    .updateTable("sessions")
    .set({ seen_at_ms: nowMs })
    .where("digest", "=", digest)
    .execute();
}

/** The session, gone. */
export async function deleteSession(transaction: Transaction, digest: string): Promise<Session | undefined> {
  const row = await transaction
    .withTables<SignInTables>()
    .deleteFrom("sessions")
    .where("digest", "=", digest)
    .returningAll()
    .executeTakeFirst();
  return row && fromRow(row);
}

/** False when the account has no such session. */
export async function deleteSessionById(transaction: Transaction, account: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .withTables<SignInTables>()
    .deleteFrom("sessions")
    .where("account", "=", account)
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}

/** All of an account. */
export async function deleteSessionsOf(transaction: Transaction, account: string): Promise<void> {
  await transaction.withTables<SignInTables>().deleteFrom("sessions").where("account", "=", account).execute();
}

export async function deleteOldSessions(transaction: Transaction, nowMs: number, idleSinceMs: number): Promise<void> {
  await transaction
    .withTables<SignInTables>()
    .deleteFrom("sessions")
    .where((where) => where.or([where("expires_at_ms", "<=", nowMs), where("seen_at_ms", "<=", idleSinceMs)]))
    .execute();
}

export async function writeChallenge(transaction: Transaction, digest: string, challenge: string): Promise<void> {
  await transaction
    .withTables<SignInTables>()
    .updateTable("sessions")
    .set({ challenge })
    .where("digest", "=", digest)
    .execute();
}

/** What was written, once. */
export async function takeChallenge(transaction: Transaction, digest: string): Promise<string | undefined> {
  const row = await transaction
    .withTables<SignInTables>()
    .selectFrom("sessions")
    .select("challenge")
    .where("digest", "=", digest)
    .executeTakeFirst();
  await transaction
    .withTables<SignInTables>()
    .updateTable("sessions")
    .set({ challenge: null })
    .where("digest", "=", digest)
    .execute();
  return row?.challenge ?? undefined;
}

function fromRow(row: Row): Session {
  return {
    id: row.id,
    account: row.account,
    isComplete: row.is_complete === 1,
    createdAtMs: row.created_at_ms as EpochMs,
    seenAtMs: row.seen_at_ms as EpochMs,
    expiresAtMs: row.expires_at_ms as EpochMs,
    steppedUpAtMs: row.stepped_up_at_ms === null ? undefined : (row.stepped_up_at_ms as EpochMs),
    address: row.address,
    agent: row.agent,
    link: row.link ?? undefined,
  };
}
