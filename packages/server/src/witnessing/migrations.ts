import { columns } from "../platform/database/columns.ts";
import type { Migrations, Transaction } from "../platform/database/database.ts";

/** What gossip remembers: in the database of whoever takes part, a witness, a monitor or a registry. */
export const gossipMigrations: Migrations = {
  "0072-witnessing-gossip": {
    async up(transaction) {
      const { table, text, integer, blob } = columns(transaction);

      await table("witness_gossip_newest")
        .addColumn("vkey", text, (column) => column.primaryKey())
        .addColumn("note", text, (column) => column.notNull())
        .execute();

      await table("witness_gossip_kept")
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("size", integer, (column) => column.notNull())
        .addColumn("root", blob, (column) => column.notNull())
        .addColumn("note", text, (column) => column.notNull())
        .addColumn("received_at_ms", integer, (column) => column.notNull())
        .addUniqueConstraint("witness_gossip_kept_tree", ["origin", "size", "root"])
        .execute();

      // A witness has it already.
      await addForksTable(transaction);
    },
  },
};

/** The tables of this room, in a database of their own: a witness is no part of a registry. */
export const witnessMigrations: Migrations = {
  "0070-witnessing-checkpoints": {
    async up(transaction) {
      const { table, text, integer, blob } = columns(transaction);

      await table("witness_logs")
        .addColumn("origin", text, (column) => column.primaryKey())
        .addColumn("vkey", text, (column) => column.notNull())
        .addColumn("size", integer)
        .addColumn("root", blob)
        .addColumn("note", text)
        .addColumn("cosigned_at", integer)
        .addColumn("added_at_ms", integer, (column) => column.notNull())
        .execute();

      await table("witness_checkpoints")
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("size", integer, (column) => column.notNull())
        .addColumn("root", blob, (column) => column.notNull())
        .addColumn("note", text, (column) => column.notNull())
        .addUniqueConstraint("witness_checkpoints_size", ["origin", "size"])
        .execute();

      await addForksTable(transaction);
    },
  },
};

async function addForksTable(transaction: Transaction): Promise<void> {
  const { table, text, integer } = columns(transaction);
  await table("witness_forks")
    .ifNotExists()
    .addColumn("origin", text, (column) => column.notNull())
    .addColumn("digest", text, (column) => column.notNull())
    .addColumn("document", text, (column) => column.notNull())
    .addColumn("found_at_ms", integer, (column) => column.notNull())
    .addUniqueConstraint("witness_forks_digest", ["origin", "digest"])
    .execute();
}
