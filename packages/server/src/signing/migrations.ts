import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

export const signingMigrations: Migrations = {
  "0040-signing-registry-keys": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("registry_keys")
        .addColumn("owner", text, (column) => column.notNull())
        .addColumn("keyid", text, (column) => column.notNull())
        .addColumn("spki", text, (column) => column.notNull())
        .addColumn("first_seen_ms", integer, (column) => column.notNull())
        .addColumn("expires_at_ms", integer)
        .addColumn("gone_at_ms", integer)
        .addColumn("retired_at_ms", integer)
        .addColumn("refused", integer, (column) => column.notNull())
        .addColumn("revision", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("registry_keys_key", ["owner", "keyid", "spki"])
        .execute();
      await transaction.schema.createIndex("registry_keys_newest").on("registry_keys").column("revision").execute();
      await make
        .table("release_signatures")
        .addColumn("ns", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("integrity", text, (column) => column.notNull())
        .addColumn("keyid", text, (column) => column.notNull())
        .addColumn("sig", text, (column) => column.notNull())
        .addColumn("signed_at_ms", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("release_signatures_key", ["ns", "name", "version", "integrity"])
        .execute();
    },
  },
};
