import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

export const releaseMigrations: Migrations = {
  "0020-releases": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("releases")
        .addColumn("ns", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("first_seen_ms", integer, (column) => column.notNull())
        .addColumn("first_contact", integer, (column) => column.notNull())
        .addColumn("upstream_published_ms", integer)
        .addColumn("gone_at_ms", integer)
        .addColumn("freed_at_ms", integer)
        .addColumn("conflict_source", text)
        .addPrimaryKeyConstraint("releases_key", ["ns", "name", "version"])
        .execute();
      await make
        .table("package_generations")
        .addColumn("ns", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("generation", integer, (column) => column.notNull())
        .addColumn("changed_at_ms", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("package_generations_key", ["ns", "name"])
        .execute();
      await transaction.schema
        .createIndex("package_generations_newest")
        .on("package_generations")
        .column("generation")
        .execute();
    },
  },
  "0022-releases-audits": {
    async up(transaction) {
      const { text, ...make } = columns(transaction);
      await make
        .table("release_audits")
        .addColumn("ns", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("auditor", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("integrity", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("release_audits_key", ["ns", "name", "auditor", "version"])
        .execute();
    },
  },
  "0024-releases-sighted": {
    async up(transaction) {
      const { text, integer, identity, ...make } = columns(transaction);
      await make
        .table("releases_sighted")
        .addColumn("id", integer, identity)
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("integrity", text)
        .addColumn("manifest", text, (column) => column.notNull())
        .addColumn("source", text, (column) => column.notNull())
        .execute();
    },
  },
};
