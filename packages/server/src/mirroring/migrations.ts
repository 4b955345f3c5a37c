import { columns } from "../platform/database/columns.ts";
import type { Migrations } from "../platform/database/database.ts";

export const mirroringMigrations: Migrations = {
  "0050-mirroring-work": {
    async up(transaction) {
      const { text, integer, identity, ...make } = columns(transaction);
      await make
        .table("mirror_runs")
        .addColumn("id", text, (column) => column.notNull().primaryKey())
        .addColumn("started_at_ms", integer, (column) => column.notNull())
        .execute();
      await make
        .table("mirror_items")
        .addColumn("id", integer, identity)
        .addColumn("run", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("want", text, (column) => column.notNull())
        .addColumn("integrity", text)
        .addColumn("is_optional", integer, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("attempts", integer, (column) => column.notNull())
        .addColumn("reason", text)
        .addColumn("size_bytes", integer, (column) => column.notNull())
        .addUniqueConstraint("mirror_items_want", ["run", "name", "want"])
        .execute();
      await transaction.schema
        .createIndex("mirror_items_waiting")
        .on("mirror_items")
        .columns(["run", "state", "attempts", "id"])
        .execute();
    },
  },
  "0051-mirroring-imports": {
    async up(transaction) {
      const { text, integer, blob, ...make } = columns(transaction);
      await make
        .table("import_proofs")
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("idx", integer, (column) => column.notNull())
        .addColumn("digest", text, (column) => column.notNull())
        .addColumn("imported_at_ms", integer, (column) => column.notNull())
        .addPrimaryKeyConstraint("import_proofs_key", ["name", "version", "origin"])
        .execute();
      await make
        .table("import_checkpoints")
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("size", integer, (column) => column.notNull())
        .addColumn("root", blob, (column) => column.notNull())
        .addColumn("note", text, (column) => column.notNull())
        .addPrimaryKeyConstraint("import_checkpoints_key", ["origin", "size"])
        .execute();
    },
  },
};
