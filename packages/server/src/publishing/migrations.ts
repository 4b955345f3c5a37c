import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

export const publishingMigrations: Migrations = {
  "0150-publishing": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("hosted_documents")
        .addColumn("name", text, (column) => column.notNull().primaryKey())
        .addColumn("revision", integer, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("changed_at_ms", integer, (column) => column.notNull())
        .execute();
      await make
        .table("hosted_versions")
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("manifest", text, (column) => column.notNull())
        .addColumn("integrity", text, (column) => column.notNull())
        .addColumn("content", text, (column) => column.notNull())
        .addColumn("readme", text)
        .addColumn("published_at_ms", integer, (column) => column.notNull())
        .addColumn("published_by", text, (column) => column.notNull())
        .addColumn("deprecated", text)
        .addColumn("unpublished_at_ms", integer)
        .addPrimaryKeyConstraint("hosted_versions_key", ["name", "version"])
        .execute();
      await make
        .table("hosted_tags")
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("tag", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("set_at_ms", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("hosted_tags_key", ["name", "tag"])
        .execute();
      await make
        .table("hosted_attestations")
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("predicate_type", text, (column) => column.notNull())
        .addColumn("digest", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("hosted_attestations_key", ["name", "version", "digest"])
        .execute();
    },
  },
  "0161-publishing-stages": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("hosted_stages")
        .addColumn("id", text, (column) => column.notNull().primaryKey())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("request", text, (column) => column.notNull())
        .addColumn("archive", text, (column) => column.notNull())
        .addColumn("content", text, (column) => column.notNull())
        .addColumn("actor", text, (column) => column.notNull())
        .addColumn("actor_name", text, (column) => column.notNull())
        .addColumn("actor_kind", text, (column) => column.notNull())
        .addColumn("authorship", text, (column) => column.notNull())
        .addColumn("address", text, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("expires_at_ms", integer, (column) => column.notNull())
        .addUniqueConstraint("hosted_stages_release", ["name", "version"])
        .execute();
    },
  },
  "0162-publishing-stage-approvals": {
    async up(transaction) {
      const { text } = columns(transaction);
      await transaction.schema.alterTable("hosted_stages").addColumn("approval", text).execute();
    },
  },
  "0170-publishing-fetches": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("hosted_fetches")
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("first_fetched_at_ms", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("hosted_fetches_key", ["name", "version"])
        .execute();
    },
  },
  "0181-publishing-version-digests": {
    async up(transaction) {
      const { text } = columns(transaction);
      await transaction.schema.alterTable("hosted_versions").addColumn("digest", text).execute();
    },
  },
  "0192-publishing-by-whom": {
    async up(transaction) {
      await transaction.schema
        .createIndex("hosted_versions_by_whom")
        .on("hosted_versions")
        .columns(["published_by", "published_at_ms"])
        .execute();
    },
  },
  "0197-publishing-stages-by-time": {
    async up(transaction) {
      await transaction.schema
        .createIndex("hosted_stages_by_time")
        .on("hosted_stages")
        .columns(["created_at_ms", "id", "name", "expires_at_ms"])
        .execute();
    },
  },
  "0196-publishing-usage": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("hosted_usage")
        .addColumn("organisation", text, (column) => column.notNull().primaryKey())
        .addColumn("packages", integer, (column) => column.notNull())
        .addColumn("versions", integer, (column) => column.notNull())
        .addColumn("size_bytes", integer, (column) => column.notNull())
        .execute();
    },
  },
};
