import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";
import type { NameTables } from "./tables.ts";

export const nameMigrations: Migrations = {
  "0130-identity-names": {
    async up(transaction) {
      const { text, integer, ...make } = columns(transaction);
      await make
        .table("organisations")
        .addColumn("name", text, (column) => column.notNull().primaryKey())
        .addColumn("skeleton", text, (column) => column.notNull())
        .addColumn("person", text)
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addColumn("generation", integer, (column) => column.notNull())
        .execute();
      await make
        .table("hosted_packages")
        .addColumn("name", text, (column) => column.notNull().primaryKey())
        .addColumn("organisation", text, (column) => column.notNull())
        .addColumn("skeleton", text, (column) => column.notNull())
        .addColumn("visibility", text, (column) => column.notNull())
        .addColumn("publish_requires_tfa", integer, (column) => column.notNull())
        .addColumn("automation_overrides_tfa", integer, (column) => column.notNull())
        .addColumn("made_at_ms", integer, (column) => column.notNull())
        .addColumn("generation", integer, (column) => column.notNull())
        .execute();
      for (const table of ["organisations", "hosted_packages"])
        for (const column of ["generation", "skeleton"])
          await transaction.schema.createIndex(`${table}_by_${column}`).on(table).column(column).execute();
      await make
        .table("hosted_generation")
        .addColumn("id", integer, (column) => column.notNull().primaryKey())
        .addColumn("generation", integer, (column) => column.notNull())
        .execute();
      await transaction
        .withTables<NameTables>()
        .insertInto("hosted_generation")
        .values({ id: 1, generation: 0 })
        .execute();
    },
  },
};
