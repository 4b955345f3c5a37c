import type { PackageName } from "@assay/core";
import type { Generated } from "kysely";
import type { Reader, Transaction } from "../../platform/database/database.ts";
import type { SearchEntry } from "./search-index.ts";

export type SearchTables = {
  search_packages: {
    readonly id: Generated<number>;
    readonly name: PackageName;
    readonly folded: string;
    readonly unscoped: string;
    readonly entry: string;
    /** On PostgreSQL. */
    readonly terms: Generated<string>;
  };
  search_state: { readonly id: number; readonly version: number };
};

export function rowOf(
  entry: SearchEntry,
): Pick<SearchTables["search_packages"], "name" | "folded" | "unscoped" | "entry"> {
  const folded = entry.name.toLowerCase();
  return { name: entry.name, folded, unscoped: folded.replace(/^@[^/]+\//, ""), entry: JSON.stringify(entry) };
}

export function entryOf(text: string | undefined): readonly SearchEntry[] {
  return text === undefined ? [] : [JSON.parse(text) as SearchEntry];
}

export async function isIndexed(reader: Reader, name: PackageName): Promise<boolean> {
  const tables = reader.withTables<SearchTables>();
  return (
    (await tables.selectFrom("search_packages").select("id").where("name", "=", name).executeTakeFirst()) !== undefined
  );
}

/** How far the index is: `version` of the terms it is made of; negative while it is being filled. */
export async function readState(reader: Reader): Promise<number> {
  const row = await reader.withTables<SearchTables>().selectFrom("search_state").select("version").executeTakeFirst();
  return row?.version ?? 0;
}

export async function writeState(transaction: Transaction, version: number): Promise<void> {
  await transaction
    .withTables<SearchTables>()
    .insertInto("search_state")
    .values({ id: 1, version })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ version }))
    .execute();
}
