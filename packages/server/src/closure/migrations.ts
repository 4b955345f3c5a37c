import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

export const closureMigrations: Migrations = {
  "0042-closure": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("closure_ranges")
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("range", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("closure_ranges_key", ["name", "range"])
        .execute();
      await make
        .table("closure_walked")
        .addColumn("name", text, (column) => column.primaryKey())
        .addColumn("digest", text, (column) => column.notNull())
        .addColumn("ranges", integer, (column) => column.notNull())
        .execute();
    },
  },
};
