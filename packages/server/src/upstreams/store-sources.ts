import type { Reader, Transaction } from "../platform/database/database.ts";

/** A source that served something wrong, and until when it is left alone. */
export interface AsideRow {
  readonly alias: string;
  /** Where the alias led then: another place is another source. */
  readonly url: string;
  /** How often in a row, from 1. */
  readonly strikes: number;
  readonly since_ms: number;
  readonly until_ms: number;
  readonly reason: string;
  /** What it was asked for. */
  readonly name: string;
  readonly version: string;
}

type Tables = { upstream_aside: AsideRow };

export function readAside(reader: Reader): Promise<readonly AsideRow[]> {
  return reader.withTables<Tables>().selectFrom("upstream_aside").selectAll().orderBy("alias").execute();
}

/** Puts the row in place of that of its alias. */
export async function replaceAside(transaction: Transaction, row: AsideRow): Promise<void> {
  const { alias: _, ...columns } = row;
  await transaction
    .withTables<Tables>()
    .insertInto("upstream_aside")
    .values(row)
    .onConflict((conflict) => conflict.column("alias").doUpdateSet(columns))
    .execute();
}

/** True when there was a row of this alias. */
export async function removeAside(transaction: Transaction, alias: string): Promise<boolean> {
  const { numDeletedRows } = await transaction
    .withTables<Tables>()
    .deleteFrom("upstream_aside")
    .where("alias", "=", alias)
    .executeTakeFirstOrThrow();
  return numDeletedRows > 0n;
}
