import type { PackageName } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";

/** What is remembered about one name. */
export interface StoredPackument {
  readonly name: PackageName;
  /** Alias of the upstream that it came from. */
  readonly source: string;
  /** `gone`: the upstream had it and says that it has it no more. */
  readonly status: "listed" | "gone";
  readonly etag: string | null;
  readonly last_modified: string | null;
  /** sha256 hex of the raw document; the blob `raw/…` holds it, compressed. */
  readonly digest: string;
  /** 1: a record cites the raw document, it is never removed. */
  readonly is_cited: number;
  readonly modified_at_ms: number;
  /** When it was stored or last found gone; a mere revalidation does not write. */
  readonly checked_at_ms: number;
}

type Tables = { packuments: StoredPackument; imported_packuments: { name: PackageName } };

export function readPackument(reader: Reader, name: PackageName): Promise<StoredPackument | undefined> {
  return reader.withTables<Tables>().selectFrom("packuments").selectAll().where("name", "=", name).executeTakeFirst();
}

/** Puts the row in place of the one that was there, and answers that one. */
export async function replacePackument(
  transaction: Transaction,
  row: StoredPackument,
): Promise<StoredPackument | undefined> {
  const before = await readPackument(transaction, row.name);
  const tables = transaction.withTables<Tables>();
  const { name, ...columns } = row;
  if (before === undefined) await tables.insertInto("packuments").values(row).execute();
  else await tables.updateTable("packuments").set(columns).where("name", "=", name).execute();
  return before;
}

export async function setCited(transaction: Transaction, name: PackageName): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("packuments")
    .set({ is_cited: 1 })
    .where("name", "=", name)
    .execute();
}

export async function setGone(transaction: Transaction, name: PackageName, atMs: number): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("packuments")
    .set({ status: "gone", checked_at_ms: atMs })
    .where("name", "=", name)
    .execute();
}

/** True when some packument's current raw document has this digest. */
export async function isCurrentDigest(reader: Reader, digest: string): Promise<boolean> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("packuments")
    .select("name")
    .where("digest", "=", digest)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Names listed or imported here that come after this one, in byte order. */
export async function knownNames(reader: Reader, after: string, size: number): Promise<readonly PackageName[]> {
  const rows = await known(reader)
    .select("name")
    .where("name", ">", after as PackageName)
    .orderBy("name")
    .limit(size)
    .execute();
  return rows.map(({ name }) => name);
}

export async function countKnown(reader: Reader): Promise<number> {
  const row = await known(reader)
    .select(({ fn }) => fn.countAll<number>().as("total"))
    .executeTakeFirstOrThrow();
  return row.total;
}

function known(reader: Reader) {
  const tables = reader.withTables<Tables>();
  const listed = tables.selectFrom("packuments").select("name").where("status", "=", "listed");
  return tables.selectFrom(listed.union(tables.selectFrom("imported_packuments").select("name")).as("known"));
}

/** How many packages of each source are listed here. */
export async function countBySource(reader: Reader): Promise<ReadonlyMap<string, number>> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("packuments")
    .select((builder) => ["source", builder.fn.countAll<number>().as("packages")])
    .where("status", "=", "listed")
    .groupBy("source")
    .execute();
  return new Map(rows.map(({ source, packages }) => [source, packages]));
}
