import { CompiledQuery } from "kysely";
import { AssayError } from "@assay/core";
import type { Transaction } from "./database.ts";
import type { SqlValue } from "./parameters.ts";

/** A row to insert: the same columns in every row of a call. */
export type Row = Readonly<Record<string, SqlValue | boolean>>;

export interface InsertOptions {
  /** Rows that break a unique key are left out instead of failing the transaction. */
  readonly onConflict?: "ignore";
}

/** Most parameters of one statement: below SQLite's 32,766 and PostgreSQL's 65,535. */
const mostParameters = 16_000;
const mostRows = 512;

/**
 * Inserts many rows with few statements and answers how many were inserted. 5,000 rows of ten columns take
 * tens of milliseconds. Sizes of statements are powers of two, so that a dozen texts serve every length.
 *
 * `table` and the columns are names from the source, `[a-z_][a-z0-9_]*`; anything else is refused.
 */
export async function insertRows(
  transaction: Transaction,
  table: string,
  rows: readonly Row[],
  options: InsertOptions = {},
): Promise<number> {
  const [first] = rows;
  if (first === undefined) return 0;
  const names = Object.keys(first);
  if (names.length === 0) throw new AssayError("DATABASE", { reason: `a row of ${table} without columns` });
  const queries: CompiledQuery[] = [];
  let size = largestPower(Math.min(mostRows, Math.floor(mostParameters / names.length)));
  for (let start = 0; start < rows.length; start += size) {
    while (size > rows.length - start) size /= 2;
    const values = rows.slice(start, start + size).flatMap((row) => valuesOf(row, names, table));
    const text = insertText(transaction.engine, { table, names, count: size, options });
    queries.push(CompiledQuery.raw(text, values));
  }
  const counts = await Promise.all(queries.map((query) => changed(transaction, query)));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function changed(transaction: Transaction, query: CompiledQuery): Promise<number> {
  const { numAffectedRows } = await transaction.executeQuery(query);
  return Number(numAffectedRows ?? 0n);
}

function valuesOf(row: Row, names: readonly string[], table: string): (SqlValue | boolean)[] {
  const values = names.map((name) => row[name]);
  if (Object.keys(row).length !== names.length || values.includes(undefined))
    throw new AssayError("DATABASE", { reason: `rows of ${table} with different columns` });
  return values as (SqlValue | boolean)[];
}

interface InsertText {
  readonly table: string;
  readonly names: readonly string[];
  readonly count: number;
  readonly options: InsertOptions;
}

function insertText(engine: Transaction["engine"], { table, names, count, options }: InsertText): string {
  let number = 0;
  const parameter = () => (engine === "sqlite" ? "?" : `$${(number += 1)}`);
  const row = () => `(${names.map(parameter).join(",")})`;
  const values = Array.from({ length: count }, row).join(",");
  const ending = options.onConflict === "ignore" ? " on conflict do nothing" : "";
  return `insert into ${quoted(table)} (${names.map(quoted).join(",")}) values ${values}${ending}`;
}

function quoted(name: string): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new AssayError("DATABASE", { reason: `the name ${name}` });
  return `"${name}"`;
}

function largestPower(most: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(1, most)));
}
