import type { EpochMs, NamePattern } from "@assay/core";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { Grant } from "../principal.ts";
import type { TokenTables } from "./tables.ts";

/** What is known of a token; the token itself is not. */
export interface Token {
  /** Public id: 32 hex digits. No dashes: pnpm 12 escapes them in its path. */
  readonly key: string;
  readonly redacted: string;
  /** Id of the principal that shows it: `person:ada`, `bot:renovate`, `ci:…`. */
  readonly holder: string;
  /** As clients are shown the holder. */
  readonly holderName: string;
  /** By signing in with a client; by its holder, with grants; for the identity token of a CI. */
  readonly origin: "login" | "made" | "exchanged";
  readonly name: string;
  readonly description: string | undefined;
  readonly level: Grant["level"];
  readonly packages: readonly NamePattern[] | undefined;
  readonly organisations: readonly string[] | undefined;
  /** Addresses and CIDR blocks from where it is good; undefined: anywhere. */
  readonly cidrs: readonly string[] | undefined;
  readonly createdAtMs: EpochMs;
  readonly expiresAtMs: EpochMs | undefined;
  readonly usedAtMs: EpochMs | undefined;
  readonly usedFrom: string | undefined;
}

/** A token as authentication needs it. */
export interface StandingToken {
  readonly token: Token;
  readonly hash: string;
  readonly isRevoked: boolean;
  /** Of the account that holds it; undefined: it has none, as CI. */
  readonly account: { readonly isActive: boolean; readonly isAdmin: boolean } | undefined;
}

export async function insertToken(transaction: Transaction, token: Token, hash: string): Promise<void> {
  await transaction
    .withTables<TokenTables>()
    .insertInto("access_tokens")
    .values({
      key: token.key,
      hash,
      redacted: token.redacted,
      holder: token.holder,
      holder_name: token.holderName,
      origin: token.origin,
      name: token.name,
      description: token.description ?? null,
      level: token.level,
      packages: json(token.packages),
      organisations: json(token.organisations),
      cidrs: json(token.cidrs),
      created_at_ms: token.createdAtMs,
      expires_at_ms: token.expiresAtMs ?? null,
      used_at_ms: null,
      used_from: null,
      revoked_at_ms: null,
    })
    .execute();
}

export async function readByHash(reader: Reader, hash: string): Promise<StandingToken | undefined> {
  const tables = reader.withTables<TokenTables>();
  const row = await tables.selectFrom("access_tokens").selectAll().where("hash", "=", hash).executeTakeFirst();
  if (row === undefined) return undefined;
  const [kind, name] = splitHolder(row.holder);
  const account =
    kind === "ci"
      ? undefined
      : await tables
          .selectFrom("accounts")
          .select(["state", "is_admin"])
          .where("name", "=", name)
          .where("kind", "=", kind)
          .executeTakeFirst();
  return {
    token: fromRow(row),
    hash: row.hash,
    isRevoked: row.revoked_at_ms !== null,
    account: kind === "ci" ? undefined : { isActive: account?.state === "active", isAdmin: account?.is_admin === 1 },
  };
}

/** Those of a holder that are neither revoked nor over, the newest first. */
export async function readByHolder(reader: Reader, holder: string, nowMs: number): Promise<readonly Token[]> {
  const rows = await reader
    .withTables<TokenTables>()
    .selectFrom("access_tokens")
    .selectAll()
    .where("holder", "=", holder)
    .where("revoked_at_ms", "is", null)
    .where((each) => each.or([each("expires_at_ms", "is", null), each("expires_at_ms", ">", nowMs)]))
    .orderBy("created_at_ms", "desc")
    .orderBy("key")
    .execute();
  return rows.map(fromRow);
}

/** False when it was revoked before, or never was. */
export async function revokeToken(transaction: Transaction, key: string, nowMs: number): Promise<boolean> {
  const done = await transaction
    .withTables<TokenTables>()
    .updateTable("access_tokens")
    .set({ revoked_at_ms: nowMs })
    .where("key", "=", key)
    .where("revoked_at_ms", "is", null)
    .executeTakeFirst();
  return Number(done.numUpdatedRows) === 1;
}

/** Of a holder's tokens; all where nothing is said. */
export interface WhichTokens {
  readonly origin?: Token["origin"];
  readonly exceptKey?: string | undefined;
}

/** How many there were. */
export async function revokeAllOf(
  transaction: Transaction,
  holder: string,
  nowMs: number,
  { origin, exceptKey }: WhichTokens,
): Promise<number> {
  let update = transaction
    .withTables<TokenTables>()
    .updateTable("access_tokens")
    .set({ revoked_at_ms: nowMs })
    .where("holder", "=", holder)
    .where("revoked_at_ms", "is", null);
  if (origin !== undefined) update = update.where("origin", "=", origin);
  if (exceptKey !== undefined) update = update.where("key", "!=", exceptKey);
  const done = await update.executeTakeFirst();
  return Number(done.numUpdatedRows);
}

export async function writeUse(transaction: Transaction, key: string, atMs: number, from: string): Promise<void> {
  await transaction
    .withTables<TokenTables>()
    .updateTable("access_tokens")
    .set({ used_at_ms: atMs, used_from: from })
    .where("key", "=", key)
    .execute();
}

/** Forgets what is over or revoked for long. */
export async function deleteOldTokens(transaction: Transaction, beforeMs: number): Promise<void> {
  await transaction
    .withTables<TokenTables>()
    .deleteFrom("access_tokens")
    .where((each) => each.or([each("expires_at_ms", "<", beforeMs), each("revoked_at_ms", "<", beforeMs)]))
    .execute();
}

/** `person:ada` → `person`, `ada`. */
export function splitHolder(holder: string): readonly [string, string] {
  const colon = holder.indexOf(":");
  return [holder.slice(0, colon), holder.slice(colon + 1)];
}

function json(list: readonly string[] | undefined): string | null {
  return list === undefined ? null : JSON.stringify(list);
}

function list(text: string | null): readonly string[] | undefined {
  return text === null ? undefined : (JSON.parse(text) as string[]);
}

function fromRow(row: TokenTables["access_tokens"]): Token {
  return {
    key: row.key,
    redacted: row.redacted,
    holder: row.holder,
    holderName: row.holder_name,
    origin: row.origin as Token["origin"],
    name: row.name,
    description: row.description ?? undefined,
    level: row.level as Token["level"],
    packages: list(row.packages) as readonly NamePattern[] | undefined,
    organisations: list(row.organisations),
    cidrs: list(row.cidrs),
    createdAtMs: row.created_at_ms as EpochMs,
    expiresAtMs: (row.expires_at_ms ?? undefined) as EpochMs | undefined,
    usedAtMs: (row.used_at_ms ?? undefined) as EpochMs | undefined,
    usedFrom: row.used_from ?? undefined,
  };
}
