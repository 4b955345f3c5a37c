import { sql } from "kysely";
import type { Migrations } from "../platform/database/database.ts";
import { columns } from "../platform/database/columns.ts";

/** The tables of this room. Claims, packages and heads are keyed by log or shard from the first one on. */
export const checksumMigrations: Migrations = {
  "0010-checksums-log": {
    async up(transaction) {
      const { table, text, integer, blob, identity } = columns(transaction);

      await table("log_lineages")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("visibility", text, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .execute();

      await table("log_shards")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("log", text, (column) => column.notNull())
        .addColumn("number", integer, (column) => column.notNull())
        .addColumn("origin", text, (column) => column.notNull().unique())
        .addColumn("vkey", text, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .addUniqueConstraint("log_shards_number", ["log", "number"])
        .execute();

      await table("log_claims")
        .addColumn("id", integer, identity)
        .addColumn("log", text, (column) => column.notNull())
        .addColumn("key", text, (column) => column.notNull())
        .addColumn("kind", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("version", text, (column) => column.notNull())
        .addColumn("facts", text, (column) => column.notNull())
        .addColumn("claimed_at_ms", integer, (column) => column.notNull())
        .addColumn("shard", text)
        .addColumn("idx", integer)
        .addUniqueConstraint("log_claims_key", ["log", "key"])
        .execute();
      // Only the claims that wait: the index stays small however long the log grows.
      await transaction.schema
        .createIndex("log_claims_waiting")
        .on("log_claims")
        .columns(["log", "id"])
        .where(sql.ref("shard"), "is", null)
        .execute();

      await table("log_entries")
        .addColumn("shard", text, (column) => column.notNull())
        .addColumn("idx", integer, (column) => column.notNull())
        .addColumn("record", text, (column) => column.notNull())
        .addColumn("leaf_hash", blob, (column) => column.notNull())
        .addUniqueConstraint("log_entries_place", ["shard", "idx"])
        .execute();

      await table("log_packages")
        .addColumn("shard", text, (column) => column.notNull())
        .addColumn("name", text, (column) => column.notNull())
        .addColumn("seq", integer, (column) => column.notNull())
        .addColumn("last_idx", integer, (column) => column.notNull())
        .addUniqueConstraint("log_packages_name", ["shard", "name"])
        .execute();

      await table("log_heads")
        .addColumn("shard", text, (column) => column.primaryKey())
        .addColumn("fence", integer, (column) => column.notNull())
        .addColumn("assigned_size", integer, (column) => column.notNull())
        .addColumn("assigned_time", integer, (column) => column.notNull())
        .addColumn("size", integer, (column) => column.notNull())
        .addColumn("root", blob, (column) => column.notNull())
        .addColumn("edge", blob, (column) => column.notNull())
        .addColumn("note", text)
        .addColumn("published_at_ms", integer, (column) => column.notNull())
        .execute();

      await table("log_guards")
        .addColumn("shard", text, (column) => column.primaryKey())
        .addColumn("size", integer, (column) => column.notNull())
        .addColumn("root", blob, (column) => column.notNull())
        .execute();
    },
  },

  "0011-checksums-remotes": {
    async up(transaction) {
      const { table, text, integer } = columns(transaction);
      await table("log_remotes")
        .addColumn("vkey", text, (column) => column.primaryKey())
        .addColumn("log", text, (column) => column.notNull())
        .addColumn("origin", text, (column) => column.notNull())
        .addColumn("visibility", text, (column) => column.notNull())
        .addColumn("note", text)
        .addColumn("note_at_ms", integer)
        .addColumn("fork", text)
        .addColumn("created_at_ms", integer, (column) => column.notNull())
        .execute();
    },
  },

  "0013-checksums-remote-shards": {
    async up(transaction) {
      await transaction.schema
        .alterTable("log_remotes")
        .addColumn("number", transaction.engine === "sqlite" ? "integer" : "bigint", (column) =>
          column.notNull().defaultTo(0),
        )
        .execute();
    },
  },

  "0014-checksums-cosigned": {
    async up(transaction) {
      const { table, text, integer, blob } = columns(transaction);
      await table("log_cosigned")
        .addColumn("shard", text, (column) => column.primaryKey())
        .addColumn("size", integer, (column) => column.notNull())
        .addColumn("root", blob, (column) => column.notNull())
        .addColumn("edge", blob, (column) => column.notNull())
        .addColumn("note", text, (column) => column.notNull())
        .addColumn("published_at_ms", integer, (column) => column.notNull())
        .execute();
    },
  },

  "0140-checksums-many-logs": {
    async up(transaction) {
      const { table, text, integer } = columns(transaction);
      await table("log_leads")
        .addColumn("id", text, (column) => column.primaryKey())
        .addColumn("fence", integer, (column) => column.notNull())
        .execute();
      // Rows that wait for something: an idle log is in none of these.
      await sql`create index log_heads_unsigned on log_heads (shard) where assigned_size > size or note is null`.execute(
        transaction,
      );
      await sql`create index log_shards_rotating on log_shards (log) where state in ('closing', 'closed')`.execute(
        transaction,
      );
    },
  },

  "0141-checksums-lead-beat": {
    async up(transaction) {
      const integer = transaction.engine === "sqlite" ? "integer" : "bigint";
      for (const column of ["beat", "is_held"])
        await transaction.schema
          .alterTable("log_leads")
          .addColumn(column, integer, (definition) => definition.notNull().defaultTo(0))
          .execute();
    },
  },

  "0142-checksums-lead-holder": {
    async up(transaction) {
      await transaction.schema.alterTable("log_leads").addColumn("holder", columns(transaction).text).execute();
    },
  },
};
