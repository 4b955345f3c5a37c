import { sql } from "kysely";
import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

export const approvalMigrations: Migrations = {
  "0120-identity-approvals": {
    async up(transaction) {
      const { table, text, integer } = columns(transaction);
      await table("approvals")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("kind", text, (column) => column.notNull())
        .addColumn("subject", text, (column) => column.notNull())
        .addColumn("summary", text, (column) => column.notNull())
        .addColumn("digest", text, (column) => column.notNull())
        .addColumn("payload", text, (column) => column.notNull())
        .addColumn("resource", text, (column) => column.notNull())
        .addColumn("organisation", text)
        .addColumn("requester", text, (column) => column.notNull())
        .addColumn("requester_name", text, (column) => column.notNull())
        .addColumn("needed", integer, (column) => column.notNull())
        .addColumn("approvers", text)
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("requested_at_ms", integer, (column) => column.notNull())
        .addColumn("expires_at_ms", integer, (column) => column.notNull())
        .addColumn("decided_at_ms", integer)
        .execute();
      // The same operation waits once.
      await sql`create unique index approvals_waiting_once on approvals (kind, subject, digest)
        where state = 'waiting'`.execute(transaction);
      await sql`create index approvals_by_time on approvals (state, requested_at_ms)`.execute(transaction);
      await table("approval_votes")
        .addColumn("approval", text, (column) => column.notNull())
        .addColumn("voter", text, (column) => column.notNull())
        .addColumn("voter_name", text, (column) => column.notNull())
        .addColumn("verdict", text, (column) => column.notNull())
        .addColumn("reason", text, (column) => column.notNull())
        .addColumn("at_ms", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("approval_votes_once", ["approval", "voter"])
        .execute();
    },
  },
  "0194-identity-votes-from-where": {
    async up(transaction) {
      for (const column of ["via", "address"])
        await transaction.schema.alterTable("approval_votes").addColumn(column, columns(transaction).text).execute();
    },
  },
};
