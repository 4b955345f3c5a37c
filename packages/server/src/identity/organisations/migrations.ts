import { columns } from "../../platform/database/columns.ts";
import type { Migrations } from "../../platform/database/database.ts";

const keys = {
  organisation_members: ["organisation", "person"],
  teams: ["organisation", "team"],
  team_members: ["organisation", "team", "person"],
  team_grants: ["organisation", "team", "package"],
  package_owners: ["package", "person"],
} as const;

const others: Readonly<Record<string, string>> = {
  organisation_members: "role",
  teams: "description",
  team_grants: "level",
};

export const organisationMigrations: Migrations = {
  "0131-identity-organisations": {
    async up(transaction) {
      const { text, ...make } = columns(transaction);
      for (const [name, key] of Object.entries(keys)) {
        let table = make.table(name);
        for (const column of [...key, others[name]])
          if (column !== undefined) table = table.addColumn(column, text, (of) => of.notNull());
        await table.addPrimaryKeyConstraint(`${name}_key`, [...key] as never[]).execute();
      }
      for (const table of ["organisation_members", "team_members", "package_owners"])
        await transaction.schema.createIndex(`${table}_by_person`).on(table).column("person").execute();
      await transaction.schema.createIndex("team_grants_by_package").on("team_grants").column("package").execute();
    },
  },
  "0113-identity-provided-memberships": {
    async up(transaction) {
      const { text, ...make } = columns(transaction);
      await make
        .table("provided_memberships")
        .addColumn("source", text, (of) => of.notNull())
        .addColumn("person", text, (of) => of.notNull())
        .addColumn("organisation", text, (of) => of.notNull())
        .addColumn("team", text, (of) => of.notNull())
        .addPrimaryKeyConstraint("provided_memberships_key", ["source", "person", "organisation", "team"])
        .execute();
    },
  },
};
