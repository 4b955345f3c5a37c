import { sql } from "kysely";
import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

/** The tables of search: on PostgreSQL the terms stand beside the entry, on SQLite in an FTS5 table with its ids. */
export const searchMigrations: Migrations = {
  "0180-search-packages": {
    async up(transaction) {
      const { text, integer, identity, ...make } = columns(transaction);
      const table = make
        .table("search_packages")
        .addColumn("id", integer, identity)
        .addColumn("name", text, (of) => of.notNull().unique())
        // In lower case: the name, and what follows its scope.
        .addColumn("folded", text, (of) => of.notNull())
        .addColumn("unscoped", text, (of) => of.notNull())
        .addColumn("entry", text, (of) => of.notNull());
      if (transaction.engine === "sqlite") {
        await table.execute();
        await sql`create virtual table search_terms using fts5 (
          terms, content='', contentless_delete=1, detail=none, tokenize='ascii', prefix='2 3 4'
        )`.execute(transaction);
      } else {
        await table.addColumn("terms", sql`tsvector`, (of) => of.notNull()).execute();
        await sql`create index search_packages_terms on search_packages using gin (terms)`.execute(transaction);
      }
      await make
        .table("search_state")
        .addColumn("id", integer, (of) => of.primaryKey())
        .addColumn("version", integer, (of) => of.notNull())
        .execute();
    },
  },
};
