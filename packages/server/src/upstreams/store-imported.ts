import type { PackageName } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";

/** The listing that imports brought of one package. */
export interface StoredImport {
  readonly name: PackageName;
  /** sha256 hex of the raw document; the blob `raw/…` holds it, compressed. */
  readonly digest: string;
  readonly modified_at_ms: number;
  readonly imported_at_ms: number;
}

type Tables = { imported_packuments: StoredImport };

export function readImported(reader: Reader, name: PackageName): Promise<StoredImport | undefined> {
  return reader
    .withTables<Tables>()
    .selectFrom("imported_packuments")
    .selectAll()
    .where("name", "=", name)
    .executeTakeFirst();
}

/** Puts the row in place of the one with this digest (undefined: of none); false when another one is there by now. */
export async function replaceImported(
  transaction: Transaction,
  row: StoredImport,
  before: string | undefined,
): Promise<boolean> {
  const standing = await readImported(transaction, row.name);
  if (standing?.digest !== before) return false;
  const { name, ...columns } = row;
  const tables = transaction.withTables<Tables>();
  if (standing === undefined) await tables.insertInto("imported_packuments").values(row).execute();
  else await tables.updateTable("imported_packuments").set(columns).where("name", "=", name).execute();
  return true;
}
