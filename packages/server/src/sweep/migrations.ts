import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

export const sweepMigrations: Migrations = {
  "0045-sweep-walks": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("sweep_walks")
        .addColumn("walk", text, (column) => column.notNull().primaryKey())
        .addColumn("cursor", text, (column) => column.notNull())
        .addColumn("started_at_ms", integer, (column) => column.notNull())
        .addColumn("done", integer, (column) => column.notNull())
        .addColumn("total", integer, (column) => column.notNull())
        .addColumn("last_started_at_ms", integer)
        .addColumn("last_ended_at_ms", integer)
        .addColumn("last_done", integer)
        .execute();
    },
  },
};
