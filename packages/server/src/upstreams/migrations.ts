import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

/** The tables of this room. */
export const upstreamMigrations: Migrations = {
  "0030-upstreams-packuments": {
    async up(transaction) {
      const tables = columns(transaction);
      const { text, integer } = tables;
      await tables
        .table("packuments")
        .addColumn("name", text, (of) => of.primaryKey())
        .addColumn("source", text, (of) => of.notNull())
        .addColumn("status", text, (of) => of.notNull())
        .addColumn("etag", text)
        .addColumn("last_modified", text)
        .addColumn("digest", text, (of) => of.notNull())
        .addColumn("is_cited", integer, (of) => of.notNull())
        .addColumn("modified_at_ms", integer, (of) => of.notNull())
        .addColumn("checked_at_ms", integer, (of) => of.notNull())
        .execute();
      await transaction.schema.createIndex("packuments_digest").on("packuments").column("digest").execute();
    },
  },
  "0031-upstreams-aside": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("upstream_aside")
        .addColumn("alias", text, (of) => of.primaryKey())
        .addColumn("url", text, (of) => of.notNull())
        .addColumn("strikes", integer, (of) => of.notNull())
        .addColumn("since_ms", integer, (of) => of.notNull())
        .addColumn("until_ms", integer, (of) => of.notNull())
        .addColumn("reason", text, (of) => of.notNull())
        .addColumn("name", text, (of) => of.notNull())
        .addColumn("version", text, (of) => of.notNull())
        .execute();
    },
  },
  "0032-upstreams-tags": {
    async up(transaction) {
      const { text, ...make } = columns(transaction);
      await make
        .table("packument_tags")
        .addColumn("name", text, (of) => of.primaryKey())
        .addColumn("tags", text, (of) => of.notNull())
        .execute();
    },
  },
  "0033-upstreams-auditors": {
    async up(transaction) {
      const { text, ...make } = columns(transaction);
      await make
        .table("auditor_listings")
        .addColumn("auditor", text, (of) => of.notNull())
        .addColumn("name", text, (of) => of.notNull())
        .addColumn("etag", text)
        .addColumn("last_modified", text)
        .addPrimaryKeyConstraint("auditor_listings_key", ["auditor", "name"])
        .execute();
    },
  },
  "0034-upstreams-imported": {
    async up(transaction) {
      const tables = columns(transaction);
      const { text, integer } = tables;
      await tables
        .table("imported_packuments")
        .addColumn("name", text, (of) => of.primaryKey())
        .addColumn("digest", text, (of) => of.notNull())
        .addColumn("modified_at_ms", integer, (of) => of.notNull())
        .addColumn("imported_at_ms", integer, (of) => of.notNull())
        .execute();
    },
  },
  "0035-upstreams-choosers": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("source_choosers")
        .addColumn("digest", text, (of) => of.primaryKey())
        .addColumn("label", text, (of) => of.notNull().unique())
        .addColumn("choice", text)
        .addColumn("created_at_ms", integer, (of) => of.notNull())
        .execute();
    },
  },
};
