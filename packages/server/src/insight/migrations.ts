import { sql } from "kysely";
import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

export const insightMigrations: Migrations = {
  "0191-insight-audit": {
    async up(transaction) {
      const { table, text, integer } = columns(transaction);
      await table("audit_entries")
        .addColumn("seq", integer, (column) => column.primaryKey())
        .addColumn("event", integer, (column) => column.notNull().unique())
        .addColumn("at_ms", integer, (column) => column.notNull())
        .addColumn("kind", text, (column) => column.notNull())
        .addColumn("subject", text, (column) => column.notNull())
        .addColumn("data", text, (column) => column.notNull())
        .addColumn("act", text)
        .addColumn("who", text)
        .addColumn("organisation", text)
        .addColumn("prev", text, (column) => column.notNull())
        .addColumn("hash", text, (column) => column.notNull())
        .execute();
      await sql`create index audit_entries_by_time on audit_entries (at_ms)`.execute(transaction);
      await sql`create index audit_entries_by_who on audit_entries (who, seq)`.execute(transaction);
      await sql`create index audit_entries_by_organisation on audit_entries (organisation, seq)`.execute(transaction);
    },
  },
};
