import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

export const delegationMigrations: Migrations = {
  "0040-delegation": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("delegations")
        .addColumn("name", text, (column) => column.primaryKey())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("integrity", text, (column) => column.notNull())
        .addColumn("signer", text, (column) => column.notNull())
        .addColumn("from_alias", text, (column) => column.notNull())
        .addColumn("from_url", text, (column) => column.notNull())
        .addColumn("to_url", text, (column) => column.notNull())
        .addColumn("problem", text)
        .addColumn("found_at_ms", integer, (column) => column.notNull())
        .addColumn("decided_at_ms", integer)
        .execute();
      await make
        .table("delegated_names")
        .addColumn("name", text, (column) => column.primaryKey())
        .addColumn("alias", text, (column) => column.notNull())
        .execute();
    },
  },
};
