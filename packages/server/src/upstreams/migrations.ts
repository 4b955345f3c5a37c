import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

/** The tables of this room. */
export const upstreamMigrations: Migrations = {
  "0030-upstreams-packuments": {
    async up(transaction) {
      const { table, text, integer } = columns(transaction);
      await table("packuments")
        .addColumn("name", text, (column) => column.primaryKey())
        .addColumn("source", text, (column) => column.notNull())
        .addColumn("status", text, (column) => column.notNull())
        .addColumn("etag", text)
        .addColumn("last_modified", text)
        .addColumn("digest", text, (column) => column.notNull())
        .addColumn("is_cited", integer, (column) => column.notNull())
        .addColumn("modified_at_ms", integer, (column) => column.notNull())
        .addColumn("checked_at_ms", integer, (column) => column.notNull())
        .execute();
      await transaction.schema.createIndex("packuments_digest").on("packuments").column("digest").execute();
    },
  },
};
