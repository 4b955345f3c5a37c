import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

export const ciMigrations: Migrations = {
  "0170-identity-ci": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("trust_rules")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("subject_kind", text, (column) => column.notNull())
        .addColumn("subject", text, (column) => column.notNull())
        .addColumn("issuer", text, (column) => column.notNull())
        .addColumn("issuer_url", text, (column) => column.notNull())
        .addColumn("kind", text, (column) => column.notNull())
        .addColumn("claims", text, (column) => column.notNull())
        .addColumn("permissions", text, (column) => column.notNull())
        .addColumn("pins", text)
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("created_by", text, (column) => column.notNull())
        .addColumn("used_at_ms", integer)
        .execute();
      await transaction.schema
        .createIndex("trust_rules_by_subject")
        .on("trust_rules")
        .columns(["subject_kind", "subject"])
        .execute();
      await transaction.schema.createIndex("trust_rules_by_issuer").on("trust_rules").column("issuer_url").execute();
      await make
        .table("used_id_tokens")
        .addColumn("digest", text, (column) => column.primaryKey())
        .addColumn("usable_until_ms", integer, (column) => column.notNull())
        .execute();
      await transaction.schema
        .createIndex("used_id_tokens_by_time")
        .on("used_id_tokens")
        .column("usable_until_ms")
        .execute();
      await make
        .table("trusted_publishers_only")
        .addColumn("subject_kind", text, (column) => column.notNull())
        .addColumn("subject", text, (column) => column.notNull())
        .addColumn("set_at_ms", integer, (column) => column.notNull())
        .addColumn("set_by", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("trusted_publishers_only_key", ["subject_kind", "subject"])
        .execute();
    },
  },
};
