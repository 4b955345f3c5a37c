import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

/** The tables of this room, in a database of their own: a monitor is no part of a registry. */
export const monitorMigrations: Migrations = {
  "0080-monitoring": {
    async up(transaction) {
      const { table, text, integer, blob, identity } = columns(transaction);

      await table("monitor_shards")
        .addColumn("vkey", text, (column) => column.primaryKey())
        .addColumn("lineage", text, (column) => column.notNull())
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("url", text, (column) => column.notNull())
        .addColumn("number", integer, (column) => column.notNull())
        .addColumn("note", text)
        .addColumn("checked", integer, (column) => column.notNull())
        .addColumn("checked_time", integer, (column) => column.notNull())
        .addColumn("is_final", integer, (column) => column.notNull())
        .addColumn("is_forked", integer, (column) => column.notNull())
        .addUniqueConstraint("monitor_shards_number", ["lineage", "number"])
        .execute();

      await table("monitor_chains")
        .addColumn("vkey", text, (column) => column.notNull())
        .addColumn("digest", blob, (column) => column.notNull())
        .addColumn("seq", integer, (column) => column.notNull())
        .addColumn("idx", integer, (column) => column.notNull())
        .addUniqueConstraint("monitor_chains_package", ["vkey", "digest"])
        .execute();

      await table("monitor_standing")
        .addColumn("lineage", text, (column) => column.notNull())
        .addColumn("digest", blob, (column) => column.notNull())
        .addColumn("vkey", text, (column) => column.notNull())
        .addColumn("idx", integer, (column) => column.notNull())
        .addUniqueConstraint("monitor_standing_release", ["lineage", "digest"])
        .execute();

      await table("monitor_own")
        .addColumn("vkey", text, (column) => column.notNull())
        .addColumn("idx", integer, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("integrity", text, (column) => column.notNull())
        .addColumn("seen_at_ms", integer, (column) => column.notNull())
        .addColumn("is_reported", integer, (column) => column.notNull())
        .addUniqueConstraint("monitor_own_place", ["vkey", "idx"])
        .execute();

      await table("monitor_findings")
        .addColumn("id", integer, identity)
        .addColumn("digest", text, (column) => column.notNull().unique())
        .addColumn("rule", text, (column) => column.notNull())
        .addColumn("severity", text, (column) => column.notNull())
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("idx", integer)
        .addColumn("sentence", text, (column) => column.notNull())
        .addColumn("evidence", text, (column) => column.notNull())
        .addColumn("found_at_ms", integer, (column) => column.notNull())
        .addColumn("posted_at_ms", integer)
        .execute();
    },
  },
};
