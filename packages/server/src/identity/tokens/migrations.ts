import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

export const tokenMigrations: Migrations = {
  "0101-identity-tokens": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("access_tokens")
        .addColumn("key", text, (column) => column.notNull().primaryKey())
        .addColumn("hash", text, (column) => column.notNull().unique())
        .addColumn("redacted", text, (column) => column.notNull())
        .addColumn("holder", text, (column) => column.notNull())
        .addColumn("holder_name", text, (column) => column.notNull())
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("description", text)
        .addColumn("level", text, (column) => column.notNull())
        .addColumn("packages", text)
        .addColumn("organisations", text)
        .addColumn("cidrs", text)
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("expires_at_ms", integer)
        .addColumn("used_at_ms", integer)
        .addColumn("used_from", text)
        .addColumn("revoked_at_ms", integer)
        .execute();
      await transaction.schema
        .createIndex("access_tokens_holder")
        .on("access_tokens")
        .columns(["holder", "created_at_ms"])
        .execute();
    },
  },
};
