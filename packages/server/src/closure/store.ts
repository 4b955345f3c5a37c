import type { PackageName } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Tables } from "./tables.ts";

/** That versions of a package are depended on. */
export interface Edge {
  readonly name: PackageName;
  /** A range or a tag. */
  readonly range: string;
}

/** Up to where a package's dependencies were read, docs in tables.ts. */
export interface Walked {
  readonly name: PackageName;
  readonly digest: string;
  readonly ranges: number;
}

export async function readEdges(reader: Reader, name?: PackageName): Promise<readonly Edge[]> {
  const all = reader.withTables<Tables>().selectFrom("closure_ranges").selectAll();
  const rows = await (name === undefined ? all : all.where("name", "=", name)).execute();
  return rows.map((row) => ({ name: row.name as PackageName, range: row.range }));
}

export async function readWalked(reader: Reader): Promise<readonly Walked[]> {
  const rows = await reader.withTables<Tables>().selectFrom("closure_walked").selectAll().execute();
  return rows.map((row) => ({ ...row, name: row.name as PackageName }));
}

/** Edges that are there already stay as they are. At most some thousands at once. */
export async function addEdges(transaction: Transaction, edges: readonly Edge[]): Promise<void> {
  const perStatement = 500;
  for (let first = 0; first < edges.length; first += perStatement) {
    await transaction
      .withTables<Tables>()
      .insertInto("closure_ranges")
      .values(edges.slice(first, first + perStatement).map(({ name, range }) => ({ name, range })))
      .onConflict((conflict) => conflict.columns(["name", "range"]).doNothing())
      .execute();
  }
}

export async function putWalked(transaction: Transaction, { name, digest, ranges }: Walked): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("closure_walked")
    .values({ name, digest, ranges })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ digest, ranges }))
    .execute();
}
