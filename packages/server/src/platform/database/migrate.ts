import { createHash } from "node:crypto";
import { AssayError } from "@assay/core";
import { sql } from "kysely";
import type { Clock } from "../clock.ts";
import { columns } from "./columns.ts";
import { createTransaction, databaseError } from "./executor.ts";
import type { Database, Migration, Migrations, Reader, Transaction } from "./database.ts";

export interface MigrationProgress {
  readonly name: string;
  /** From 1 to `total`, of the migrations that were not applied when the run began. */
  readonly number: number;
  readonly total: number;
}

export interface MigrateDeps {
  readonly database: Database;
  readonly clock: Clock;
  /** Called before each migration runs. */
  readonly onProgress?: (progress: MigrationProgress) => void;
}

type MigrationTables = {
  schema_migrations: { name: string; checksum: string; applied_at_ms: number };
};

/**
 * Brings the schema up to date: the migrations of all rooms, merged and in the order of their names, each in
 * a transaction together with its row (name, checksum). A crash leaves whole migrations only; the next run
 * goes on. Processes that run it at the same time wait for each other.
 *
 * The checksum is SHA-256 over the statements that the migration issues on this engine when it finds no rows.
 * Throws DATABASE for a migration that is applied but unknown here (a newer version was run on this
 * database), one that has changed since, and a name used twice. Answers the names applied by this run.
 */
export async function runMigrations(
  { database, clock, onProgress }: MigrateDeps,
  rooms: readonly Migrations[],
): Promise<readonly string[]> {
  const known = await merge(database.engine, rooms);
  await makeTable(database);
  const pending = unapplied(known, await applied(database.read));
  const done: string[] = [];
  for (const [index, step] of pending.entries()) {
    onProgress?.({ name: step.name, number: index + 1, total: pending.length });
    const ran = await database.write(async (transaction) => {
      // The lock comes before the first snapshot, so that what another process just did is seen.
      if (database.engine === "postgres")
        await sql`lock table schema_migrations in exclusive mode`.execute(transaction);
      if (!unapplied(known, await applied(transaction)).includes(step)) return false;
      await step.migration.up(transaction);
      await transaction
        .withTables<MigrationTables>()
        .insertInto("schema_migrations")
        .values({ name: step.name, checksum: step.checksum, applied_at_ms: clock.now() })
        .execute();
      return true;
    });
    if (ran) done.push(step.name);
  }
  return done;
}

/** `sha256-<hex>` over the statements that the migration issues on this engine when it finds no rows. */
export async function migrationChecksum(engine: Database["engine"], migration: Migration): Promise<string> {
  const hash = createHash("sha256");
  const transaction = createTransaction(
    engine,
    async (query) => {
      hash.update(`${query.sql}\n${JSON.stringify(query.parameters)}\n`);
      return { rows: [] };
    },
    () => {},
  );
  await migration.up(transaction);
  return `sha256-${hash.digest("hex")}`;
}

interface Step {
  readonly name: string;
  readonly migration: Migration;
  readonly checksum: string;
}

async function merge(engine: Database["engine"], rooms: readonly Migrations[]): Promise<readonly Step[]> {
  const steps = new Map<string, Step>();
  for (const [name, migration] of rooms.flatMap((room) => Object.entries(room))) {
    if (steps.has(name)) throw new AssayError("DATABASE", { reason: `two migrations are named ${name}` });
    if (!/^[0-9]{4}-[a-z0-9-]{1,80}$/.test(name))
      throw new AssayError("DATABASE", { reason: `the migration name ${name}; use 0010-room-what` });
    steps.set(name, { name, migration, checksum: await migrationChecksum(engine, migration) });
  }
  return [...steps.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function unapplied(known: readonly Step[], standing: ReadonlyMap<string, string>): readonly Step[] {
  const names = new Set(known.map((step) => step.name));
  for (const name of standing.keys()) {
    if (!names.has(name))
      throw new AssayError("DATABASE", {
        reason: `migration ${name} was applied by another, probably newer version; run that version`,
      });
  }
  for (const { name, checksum } of known) {
    const before = standing.get(name);
    if (before !== undefined && before !== checksum)
      throw new AssayError("DATABASE", {
        reason: `migration ${name} is not the one that was applied to this database`,
      });
  }
  return known.filter((step) => !standing.has(step.name));
}

async function applied(reader: Reader | Transaction): Promise<ReadonlyMap<string, string>> {
  const rows = await reader
    .withTables<MigrationTables>()
    .selectFrom("schema_migrations")
    .select(["name", "checksum"])
    .execute();
  return new Map(rows.map((row) => [row.name, row.checksum]));
}

async function makeTable(database: Database): Promise<void> {
  try {
    await database.write(async (transaction) => {
      const { table, text, integer } = columns(transaction);
      await table("schema_migrations")
        .ifNotExists()
        .addColumn("name", text, (column) => column.primaryKey())
        .addColumn("checksum", text, (column) => column.notNull())
        .addColumn("applied_at_ms", integer, (column) => column.notNull())
        .execute();
    });
  } catch (error) {
    // On PostgreSQL two processes that create it at once: one of them fails, and the table is there.
    try {
      await applied(database.read);
    } catch {
      throw databaseError(error);
    }
  }
}
