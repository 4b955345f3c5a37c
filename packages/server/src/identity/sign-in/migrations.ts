import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

export const signInMigrations: Migrations = {
  "0110-identity-sessions": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("sessions")
        .addColumn("digest", text, (column) => column.notNull().primaryKey())
        .addColumn("id", text, (column) => column.notNull().unique())
        .addColumn("account", text, (column) => column.notNull())
        .addColumn("is_complete", integer, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("seen_at_ms", integer, (column) => column.notNull())
        .addColumn("expires_at_ms", integer, (column) => column.notNull())
        .addColumn("stepped_up_at_ms", integer)
        .addColumn("challenge", text)
        .addColumn("address", text, (column) => column.notNull())
        .addColumn("agent", text, (column) => column.notNull())
        .addColumn("link", text)
        .execute();
      await transaction.schema.createIndex("sessions_account").on("sessions").column("account").execute();
      await make
        .table("web_logins")
        .addColumn("digest", text, (column) => column.notNull().primaryKey())
        .addColumn("id", text, (column) => column.notNull().unique())
        .addColumn("code", text, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("account", text)
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("expires_at_ms", integer, (column) => column.notNull())
        .addColumn("address", text, (column) => column.notNull())
        .addColumn("agent", text, (column) => column.notNull())
        .execute();
    },
  },
  "0111-identity-second-factors": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("totp_factors")
        .addColumn("account", text, (column) => column.notNull().primaryKey())
        .addColumn("secret", text, (column) => column.notNull())
        .addColumn("is_confirmed", integer, (column) => column.notNull())
        .addColumn("last_step", integer, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .execute();
      await make
        .table("passkeys")
        .addColumn("id", text, (column) => column.notNull().primaryKey())
        .addColumn("account", text, (column) => column.notNull())
        .addColumn("public_key", text, (column) => column.notNull())
        .addColumn("counter", integer, (column) => column.notNull())
        .addColumn("label", text, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("used_at_ms", integer)
        .execute();
      await make
        .table("recovery_codes")
        .addColumn("digest", text, (column) => column.notNull().primaryKey())
        .addColumn("account", text, (column) => column.notNull())
        .execute();
      await make
        .table("factor_modes")
        .addColumn("account", text, (column) => column.notNull().primaryKey())
        .addColumn("mode", text, (column) => column.notNull())
        .execute();
      await make
        .table("step_ups")
        .addColumn("digest", text, (column) => column.notNull().primaryKey())
        .addColumn("id", text, (column) => column.unique())
        .addColumn("account", text, (column) => column.notNull())
        .addColumn("credential", text, (column) => column.notNull())
        .addColumn("operation", text, (column) => column.notNull())
        .addColumn("what", text, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("uses_left", integer, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("expires_at_ms", integer, (column) => column.notNull())
        .addColumn("address", text, (column) => column.notNull())
        .execute();
    },
  },
  "0112-identity-providers": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("provider_links")
        .addColumn("id", text, (column) => column.notNull().primaryKey())
        .addColumn("issuer", text, (column) => column.notNull())
        .addColumn("subject", text, (column) => column.notNull())
        .addColumn("account", text, (column) => column.notNull())
        .addColumn("refresh_token", text, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("checked_at_ms", integer, (column) => column.notNull())
        .addUniqueConstraint("provider_links_subject", ["issuer", "subject"])
        .execute();
      await make
        .table("provider_flows")
        .addColumn("digest", text, (column) => column.notNull().primaryKey())
        .addColumn("browser", text, (column) => column.notNull())
        .addColumn("next", text, (column) => column.notNull())
        .addColumn("account", text)
        .addColumn("expires_at_ms", integer, (column) => column.notNull())
        .execute();
    },
  },
  "0114-identity-provider-external-ids": {
    async up(transaction) {
      const { text } = columns(transaction);
      await transaction.schema.alterTable("provider_links").addColumn("external_id", text).execute();
      await transaction.schema
        .createIndex("provider_links_external_id")
        .on("provider_links")
        .columns(["issuer", "external_id"])
        .execute();
    },
  },
};
