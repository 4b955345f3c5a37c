import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

export const starMigrations: Migrations = {
  "0240-identity-stars": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("stars")
        .addColumn("person", text, (column) => column.notNull())
        .addColumn("package", text, (column) => column.notNull())
        .addColumn("at_ms", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("stars_key", ["person", "package"])
        .execute();
    },
  },
};
