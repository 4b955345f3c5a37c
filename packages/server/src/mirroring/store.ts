import type { PackageName } from "@assay/core";
import type { Reader, Transaction } from "../platform/database/database.ts";
import { insertRows } from "../platform/database/rows.ts";
import type { ItemState, Tables } from "./tables.ts";

export interface NewItem {
  readonly name: PackageName;
  readonly want: string;
  readonly integrity?: string;
  readonly isOptional?: boolean;
}

export interface Item {
  readonly id: number;
  readonly name: PackageName;
  readonly want: string;
  readonly integrity: string | undefined;
  readonly isOptional: boolean;
  readonly attempts: number;
}

/** Starts a run, or answers that one with this id was cut off: its items are still there. */
export async function startRun(transaction: Transaction, id: string, nowMs: number): Promise<"new" | "continued"> {
  const inserted = await insertRows(transaction, "mirror_runs", [{ id, started_at_ms: nowMs }], {
    onConflict: "ignore",
  });
  return inserted === 1 ? "new" : "continued";
}

/** Ids of runs that were started before this time and not ended. */
export async function runsBefore(reader: Reader, timeMs: number): Promise<readonly string[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("mirror_runs")
    .select("id")
    .where("started_at_ms", "<", timeMs)
    .execute();
  return rows.map(({ id }) => id);
}

/** Removes a run with its items. */
export async function endRun(transaction: Transaction, id: string): Promise<void> {
  const tables = transaction.withTables<Tables>();
  await tables.deleteFrom("mirror_items").where("run", "=", id).execute();
  await tables.deleteFrom("mirror_runs").where("id", "=", id).execute();
}

/** Adds what is wanted; what the run wants already stays as it is. */
export async function addItems(transaction: Transaction, run: string, items: readonly NewItem[]): Promise<void> {
  await insertRows(
    transaction,
    "mirror_items",
    items.map(({ name, want, integrity, isOptional }) => ({
      run,
      name,
      want,
      integrity: integrity ?? null,
      is_optional: isOptional === true ? 1 : 0,
      state: "waiting",
      attempts: 0,
      reason: null,
      size_bytes: 0,
    })),
    { onConflict: "ignore" },
  );
}

/** Items that wait, least tried first, then in the order in which they were added. */
export async function waitingItems(reader: Reader, run: string, limit: number): Promise<readonly Item[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("mirror_items")
    .select(["id", "name", "want", "integrity", "is_optional", "attempts"])
    .where("run", "=", run)
    .where("state", "=", "waiting")
    .orderBy("attempts")
    .orderBy("id")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    name: row.name as PackageName,
    want: row.want,
    integrity: row.integrity ?? undefined,
    isOptional: row.is_optional === 1,
    attempts: row.attempts,
  }));
}

/** Writes down how an item stands. */
export async function settleItem(
  transaction: Transaction,
  id: number,
  outcome: {
    readonly state: ItemState;
    readonly attempts?: number;
    readonly reason?: string;
    readonly sizeBytes?: number;
  },
): Promise<void> {
  const { state, attempts, reason, sizeBytes } = outcome;
  await transaction
    .withTables<Tables>()
    .updateTable("mirror_items")
    .set({
      state,
      reason: reason ?? null,
      size_bytes: sizeBytes ?? 0,
      ...(attempts !== undefined && { attempts }),
    })
    .where("id", "=", id)
    .execute();
}

/** What was missing when the run was cut off is tried again. */
export async function retryMissing(transaction: Transaction, run: string): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("mirror_items")
    .set({ state: "waiting", attempts: 0, reason: null })
    .where("run", "=", run)
    .where("state", "!=", "done")
    .execute();
}

export interface RunCounts {
  readonly total: number;
  readonly done: number;
  readonly missing: number;
  /** Done ones that are releases, and their bytes. */
  readonly releases: number;
  readonly sizeBytes: number;
}

export async function countItems(reader: Reader, run: string): Promise<RunCounts> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("mirror_items")
    .select(({ fn }) => ["state", fn.countAll<number>().as("items"), fn.sum("size_bytes").as("bytes")])
    .where("run", "=", run)
    .groupBy("state")
    .execute();
  const { releases } = await reader
    .withTables<Tables>()
    .selectFrom("mirror_items")
    .select(({ fn }) => fn.countAll<number>().as("releases"))
    .where("run", "=", run)
    .where("state", "=", "done")
    // Every want of a release begins with this word, and keys compare by bytes.
    .where("want", ">=", "version ")
    .where("want", "<", "version!")
    .executeTakeFirstOrThrow();
  const of = (state: ItemState) => rows.find((row) => row.state === state);
  return {
    total: rows.reduce((sum, { items }) => sum + items, 0),
    done: of("done")?.items ?? 0,
    missing: of("missing")?.items ?? 0,
    releases,
    sizeBytes: Number(of("done")?.bytes ?? 0),
  };
}

export interface MissingItem {
  readonly name: PackageName;
  readonly want: string;
  readonly reason: string;
  readonly isOptional: boolean;
}

/** What could not be had, by name. */
export async function missingItems(reader: Reader, run: string): Promise<readonly MissingItem[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("mirror_items")
    .select(["name", "want", "reason", "is_optional"])
    .where("run", "=", run)
    .where("state", "=", "missing")
    .orderBy("name")
    .orderBy("want")
    .execute();
  return rows.map((row) => ({
    name: row.name as PackageName,
    want: row.want,
    reason: row.reason ?? "",
    isOptional: row.is_optional === 1,
  }));
}
