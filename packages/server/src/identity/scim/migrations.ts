import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

export const scimMigrations: Migrations = {
  "0115-identity-scim-users": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("scim_tokens")
        .addColumn("key", text, (column) => column.notNull().primaryKey())
        .addColumn("hash", text, (column) => column.notNull().unique())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .execute();
      await make
        .table("scim_users")
        .addColumn("id", text, (column) => column.notNull().primaryKey())
        .addColumn("issuer", text, (column) => column.notNull())
        .addColumn("external_id", text, (column) => column.notNull())
        .addColumn("user_name", text, (column) => column.notNull())
        .addColumn("user_name_key", text, (column) => column.notNull())
        .addColumn("account", text, (column) => column.notNull().unique())
        .addColumn("is_deleted", integer, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("changed_at_ms", integer, (column) => column.notNull())
        .addUniqueConstraint("scim_users_external_id", ["issuer", "external_id"])
        .execute();
      await transaction.schema
        .createIndex("scim_users_by_name")
        .on("scim_users")
        .columns(["issuer", "user_name_key"])
        .execute();
    },
  },
};
