import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

export const peopleMigrations: Migrations = {
  "0100-identity-people": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("accounts")
        .addColumn("name", text, (column) => column.notNull().primaryKey())
        .addColumn("kind", text, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("is_admin", integer, (column) => column.notNull())
        .addColumn("email", text)
        .addColumn("full_name", text)
        .addColumn("operator", text)
        .addColumn("password", text)
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .execute();
      await make
        .table("password_failures")
        .addColumn("subject", text, (column) => column.notNull().primaryKey())
        .addColumn("failures", integer, (column) => column.notNull())
        .addColumn("last_at_ms", integer, (column) => column.notNull())
        .execute();
    },
  },
  "0102-identity-invitations": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("invitations")
        .addColumn("hash", text, (column) => column.notNull().primaryKey())
        .addColumn("kind", text, (column) => column.notNull())
        .addColumn("is_admin", integer, (column) => column.notNull())
        .addColumn("made_by", text, (column) => column.notNull())
        .addColumn("expires_at_ms", integer, (column) => column.notNull())
        .execute();
    },
  },
  "0103-identity-disabled-by": {
    async up(transaction) {
      const { text } = columns(transaction);
      await transaction.schema.alterTable("accounts").addColumn("disabled_by", text).execute();
    },
  },
  "0104-identity-password-resets": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("password_resets")
        .addColumn("hash", text, (column) => column.notNull().primaryKey())
        .addColumn("account", text, (column) => column.notNull())
        .addColumn("made_by", text, (column) => column.notNull())
        .addColumn("expires_at_ms", integer, (column) => column.notNull())
        .execute();
    },
  },
};
