import { sql } from "kysely";
import type { Integrity, PackageName, RegistrySignature, SignedRelease, Version } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { Tables } from "./tables.ts";

export type KeyRow = Tables["registry_keys"];
export type NewKeyRow = Omit<KeyRow, "revision">;
type KeyPlace = Pick<KeyRow, "owner" | "keyid" | "spki">;
type KeyChange = Partial<Pick<KeyRow, "expires_at_ms" | "gone_at_ms" | "retired_at_ms" | "refused">>;

/** Of `registry_keys.owner`: our own keys. */
export const ownOwner = "hosted";

/** The namespace of upstream packages, which is also their log's id. */
const ns = "npm";
/** Values in one `in (…)`; below every engine's limit. */
const chunkSize = 500;

/** Rows that changed after this revision, oldest change first. */
export function keysSince(reader: Reader, revision: number): Promise<KeyRow[]> {
  return reader
    .withTables<Tables>()
    .selectFrom("registry_keys")
    .selectAll()
    .where("revision", ">", revision)
    .orderBy("revision")
    .execute();
}

export function keysOfOwner(reader: Reader, owner: string): Promise<KeyRow[]> {
  return reader.withTables<Tables>().selectFrom("registry_keys").selectAll().where("owner", "=", owner).execute();
}

/** Rows with one of these keyids, whoever owns them. */
export async function keysNamed(reader: Reader, keyids: readonly string[]): Promise<KeyRow[]> {
  const rows: KeyRow[] = [];
  for (let start = 0; start < keyids.length; start += chunkSize) {
    const query = reader.withTables<Tables>().selectFrom("registry_keys").selectAll();
    rows.push(...(await query.where("keyid", "in", keyids.slice(start, start + chunkSize)).execute()));
  }
  return rows;
}

/**
 * The number above all others: of two serializable transactions that read the same one, one runs again, so revisions
 * become visible in order.
 */
const nextRevision = sql<number>`(select coalesce(max(revision), 0) + 1 from registry_keys)`;

export async function addKey(transaction: Transaction, row: NewKeyRow): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("registry_keys")
    .values({ ...row, revision: nextRevision })
    .execute();
}

export async function changeKey(transaction: Transaction, place: KeyPlace, change: KeyChange): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("registry_keys")
    .set({ ...change, revision: nextRevision })
    .where("owner", "=", place.owner)
    .where("keyid", "=", place.keyid)
    .where("spki", "=", place.spki)
    .execute();
}

export interface StoredSignature extends SignedRelease, RegistrySignature {
  readonly signedAtMs: number;
}

/** Adds signatures; one that stands for the same release and integrity stays. */
export async function addSignatures(transaction: Transaction, signatures: readonly StoredSignature[]): Promise<void> {
  await insertRows(
    transaction,
    "release_signatures",
    signatures.map(({ signedAtMs, name, version, integrity, keyid, sig }) => {
      return { ns, name, version, integrity, keyid, sig, signed_at_ms: signedAtMs };
    }),
    { onConflict: "ignore" },
  );
}

/** Every signature of a package's releases. */
export async function signaturesOf(reader: Reader, name: PackageName): Promise<readonly StoredSignature[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("release_signatures")
    .select(["version", "integrity", "keyid", "sig", "signed_at_ms"])
    .where("ns", "=", ns)
    .where("name", "=", name)
    .execute();
  return rows.map(({ version, integrity, keyid, sig, signed_at_ms }) => ({
    name,
    version: version as Version,
    integrity: integrity as Integrity,
    keyid,
    sig,
    signedAtMs: signed_at_ms,
  }));
}
