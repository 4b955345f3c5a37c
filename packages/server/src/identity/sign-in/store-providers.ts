import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { SignInTables } from "./tables.ts";

export type ProviderLink = SignInTables["provider_links"];
export type ProviderFlow = SignInTables["provider_flows"];

export async function insertFlow(transaction: Transaction, flow: ProviderFlow, nowMs: number): Promise<void> {
  const tables = transaction.withTables<SignInTables>();
  await tables.deleteFrom("provider_flows").where("expires_at_ms", "<=", nowMs).execute();
  await tables.insertInto("provider_flows").values(flow).execute();
}

/** Once. */
export async function takeFlow(transaction: Transaction, digest: string): Promise<ProviderFlow | undefined> {
  return await transaction
    .withTables<SignInTables>()
    .deleteFrom("provider_flows")
    .where("digest", "=", digest)
    .returningAll()
    .executeTakeFirst();
}

export async function readLink(reader: Reader, issuer: string, subject: string): Promise<ProviderLink | undefined> {
  return await reader
    .withTables<SignInTables>()
    .selectFrom("provider_links")
    .selectAll()
    .where("issuer", "=", issuer)
    .where("subject", "=", subject)
    .executeTakeFirst();
}

/** By what SCIM calls somebody; where that is their `sub`, also who signed in before it was noted. */
export async function readLinkByExternalId(
  reader: Reader,
  { issuer, scimClaim }: { readonly issuer: string; readonly scimClaim: string },
  externalId: string,
): Promise<ProviderLink | undefined> {
  if (scimClaim === "sub") return await readLink(reader, issuer, externalId);
  return await reader
    .withTables<SignInTables>()
    .selectFrom("provider_links")
    .selectAll()
    .where("issuer", "=", issuer)
    .where("external_id", "=", externalId)
    .executeTakeFirst();
}

/** Makes it, or writes what changed of it. */
export async function writeLink(transaction: Transaction, link: ProviderLink): Promise<void> {
  const { id, issuer: _issuer, subject: _subject, account: _account, ...changed } = link;
  await transaction
    .withTables<SignInTables>()
    .insertInto("provider_links")
    .values(link)
    .onConflict((conflict) => conflict.column("id").doUpdateSet(changed))
    .execute();
  void id;
}

/** Of those who are there, who was asked about longest ago. */
export async function linksToCheck(reader: Reader, beforeMs: number, most: number): Promise<readonly ProviderLink[]> {
  return await reader
    .withTables<SignInTables>()
    .selectFrom("provider_links")
    .selectAll()
    .where("state", "=", "here")
    .where("checked_at_ms", "<=", beforeMs)
    .orderBy("checked_at_ms")
    .limit(most)
    .execute();
}
