import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

export const policyMigrations: Migrations = {
  "0121-identity-policies": {
    async up(transaction) {
      const { table, text, integer } = columns(transaction);
      await table("organisation_policies")
        .addColumn("organisation", text, (column) => column.primaryKey())
        .addColumn("text", text, (column) => column.notNull())
        .addColumn("saved_by", text, (column) => column.notNull())
        .addColumn("saved_at_ms", integer, (column) => column.notNull())
        .addColumn("generation", integer, (column) => column.notNull().unique())
        .execute();
    },
  },
};
