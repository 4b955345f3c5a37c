import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

export const admissionMigrations: Migrations = {
  "0021-admission": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("admission_blobs")
        .addColumn("key", text, (column) => column.notNull().primaryKey())
        .addColumn("claimed_at_ms", integer, (column) => column.notNull())
        .execute();
      await make
        .table("admission_doomed")
        .addColumn("key", text, (column) => column.notNull().primaryKey())
        .addColumn("doomed_at_ms", integer, (column) => column.notNull())
        .execute();
      await make
        .table("admission_evidence")
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("source", text, (column) => column.notNull())
        .addColumn("key", text, (column) => column.notNull())
        .addColumn("size_bytes", integer, (column) => column.notNull())
        .addColumn("stored_at_ms", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("admission_evidence_key", ["name", "version", "source"])
        .execute();
    },
  },
  "0160-admission-held": {
    async up(transaction) {
      const { text, ...make } = columns(transaction);
      await make
        .table("admission_held")
        .addColumn("key", text, (column) => column.notNull())
        .addColumn("holder", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("admission_held_key", ["key", "holder"])
        .execute();
    },
  },
  "0022-admission-statements": {
    async up(transaction) {
      const { text } = columns(transaction);
      await transaction.schema.alterTable("admission_evidence").addColumn("statement", text).execute();
    },
  },
};
