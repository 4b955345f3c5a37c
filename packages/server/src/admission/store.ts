import type { PackageName, Version } from "@assay/core";
import type { BlobKey } from "../platform/blobs/blobs.ts";
import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Tables } from "./tables.ts";

/** Marks blobs as referred to by a claim. */
export async function keepBlobs(transaction: Transaction, keys: readonly BlobKey[], nowMs: number): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("admission_blobs")
    .values(keys.map((key) => ({ key, claimed_at_ms: nowMs })))
    .onConflict((conflict) => conflict.column("key").doNothing())
    .execute();
}

/** Marks a blob as waiting for a decision. */
export async function holdBlob(transaction: Transaction, key: BlobKey, holder: string): Promise<void> {
  await transaction.withTables<Tables>().insertInto("admission_held").values({ key, holder }).execute();
}

/** What this holder holds is held by it no more. */
export async function letGo(transaction: Transaction, holder: string): Promise<void> {
  await transaction.withTables<Tables>().deleteFrom("admission_held").where("holder", "=", holder).execute();
}

/** True when one of the blobs is being removed: a claim on it must wait. */
export async function anyDoomed(transaction: Transaction, keys: readonly BlobKey[]): Promise<boolean> {
  const row = await transaction
    .withTables<Tables>()
    .selectFrom("admission_doomed")
    .select("key")
    .where("key", "in", keys)
    .executeTakeFirst();
  return row !== undefined;
}

/** Dooms those of the blobs that nothing refers to, and answers them. */
export async function doomOrphans(
  transaction: Transaction,
  keys: readonly BlobKey[],
  nowMs: number,
): Promise<readonly BlobKey[]> {
  if (keys.length === 0) return [];
  const tables = transaction.withTables<Tables>();
  const claimed = await tables.selectFrom("admission_blobs").select("key").where("key", "in", keys).execute();
  const evidence = await tables.selectFrom("admission_evidence").select("key").where("key", "in", keys).execute();
  const held = await tables.selectFrom("admission_held").select("key").where("key", "in", keys).execute();
  const used = new Set<string>([...claimed, ...evidence, ...held].map((row) => row.key));
  const orphans = keys.filter((key) => !used.has(key));
  if (orphans.length > 0) {
    await tables
      .insertInto("admission_doomed")
      .values(orphans.map((key) => ({ key, doomed_at_ms: nowMs })))
      .onConflict((conflict) => conflict.column("key").doNothing())
      .execute();
  }
  return orphans;
}

/** Blobs whose removal began at or before this time and was not finished. */
export async function doomedBefore(reader: Reader, timeMs: number): Promise<readonly BlobKey[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("admission_doomed")
    .select("key")
    .where("doomed_at_ms", "<=", timeMs)
    .limit(1000)
    .execute();
  return rows.map((row) => row.key as BlobKey);
}

/** Ends the removal of these blobs. */
export async function clearDoomed(transaction: Transaction, keys: readonly BlobKey[]): Promise<void> {
  if (keys.length === 0) return;
  await transaction.withTables<Tables>().deleteFrom("admission_doomed").where("key", "in", keys).execute();
}

/** The blob with the source's wrong bytes of this version, when some are kept already. */
export async function evidenceKeyOf(
  reader: Reader,
  name: PackageName,
  version: Version,
  source: string,
): Promise<BlobKey | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("admission_evidence")
    .select("key")
    .where("name", "=", name)
    .where("version", "=", version)
    .where("source", "=", source)
    .executeTakeFirst();
  return row?.key as BlobKey | undefined;
}

/** Refers to an evidence blob, unless the version and source have one already. */
export async function addEvidence(transaction: Transaction, row: Tables["admission_evidence"]): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("admission_evidence")
    .values(row)
    .onConflict((conflict) => conflict.columns(["name", "version", "source"]).doNothing())
    .execute();
}

/** What a source said of the bytes that are kept as evidence: text of a `Statement`, or null. */
export async function statementsOf(
  reader: Reader,
  name: PackageName,
  version: Version,
): Promise<ReadonlyMap<string, string>> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("admission_evidence")
    .select(["source", "statement"])
    .where("name", "=", name)
    .where("version", "=", version)
    .execute();
  return new Map(rows.flatMap(({ source, statement }) => (statement === null ? [] : [[source, statement] as const])));
}

/** Bytes of all evidence. */
export async function evidenceBytes(reader: Reader): Promise<number> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("admission_evidence")
    .select((builder) => builder.fn.sum("size_bytes").as("total"))
    .executeTakeFirst();
  return Number(row?.total ?? 0);
}
