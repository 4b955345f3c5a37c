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
};
