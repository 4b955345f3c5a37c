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
  "0116-identity-scim-groups": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("scim_groups")
        .addColumn("id", text, (column) => column.notNull().primaryKey())
        .addColumn("issuer", text, (column) => column.notNull())
        .addColumn("display_name", text, (column) => column.notNull())
        .addColumn("display_name_key", text, (column) => column.notNull())
        .addColumn("external_id", text)
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("changed_at_ms", integer, (column) => column.notNull())
        .addUniqueConstraint("scim_groups_name", ["issuer", "display_name_key"])
        .execute();
      await make
        .table("scim_group_members")
        .addColumn("group_id", text, (column) => column.notNull())
        .addColumn("user_id", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("scim_group_members_key", ["group_id", "user_id"])
        .execute();
      await transaction.schema
        .createIndex("scim_group_members_by_user")
        .on("scim_group_members")
        .column("user_id")
        .execute();
    },
  },
};
