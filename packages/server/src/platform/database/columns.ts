import { sql, type ColumnDefinitionBuilder, type CreateTableBuilder, type Expression } from "kysely";
import type { Transaction } from "./database.ts";

/** What a migration builds tables from, so that one text makes the same table on both engines. */
export interface Columns {
  /** Starts a table; on SQLite it is STRICT. */
  table(name: string): CreateTableBuilder<string>;
  /** Text that compares by its UTF-8 bytes, whatever the database's locale. */
  readonly text: Expression<unknown>;
  /** Whole numbers within 2^53: counts, sizes, epoch milliseconds, 0 and 1. */
  readonly integer: Expression<unknown>;
  readonly blob: Expression<unknown>;
  /** For `addColumn("id", integer, identity)`: the engine numbers the rows, ascending, never twice. */
  identity(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
}

/** The columns of the engine behind this transaction. */
export function columns(transaction: Transaction): Columns {
  const sqlite = transaction.engine === "sqlite";
  return {
    table: (name) => {
      const table = transaction.schema.createTable(name);
      return sqlite ? table.modifyEnd(sql`strict`) : table;
    },
    text: sqlite ? sql`text` : sql`text collate "C"`,
    integer: sqlite ? sql`integer` : sql`bigint`,
    blob: sqlite ? sql`blob` : sql`bytea`,
    identity: (column) =>
      sqlite ? column.primaryKey().autoIncrement() : column.primaryKey().generatedAlwaysAsIdentity(),
  };
}
