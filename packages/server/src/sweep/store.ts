import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Tables } from "./tables.ts";

/** How far a walk has come. */
export interface WalkState {
  readonly cursor: string;
  readonly startedAtMs: number;
  readonly done: number;
  readonly total: number;
  readonly last: LastPass | undefined;
}

/** A pass that looked at everything. */
export interface LastPass {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly done: number;
}

export async function readWalk(reader: Reader, walk: string): Promise<WalkState | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("sweep_walks")
    .selectAll()
    .where("walk", "=", walk)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { last_started_at_ms: startedAtMs, last_ended_at_ms: endedAtMs, last_done: done } = row;
  const last = startedAtMs === null || endedAtMs === null ? undefined : { startedAtMs, endedAtMs, done: done ?? 0 };
  return { cursor: row.cursor, startedAtMs: row.started_at_ms, done: row.done, total: row.total, last };
}

export async function writeWalk(
  transaction: Transaction,
  walk: string,
  { cursor, startedAtMs, done, total, last }: WalkState,
): Promise<void> {
  const columns = {
    cursor,
    started_at_ms: startedAtMs,
    done,
    total,
    last_started_at_ms: last?.startedAtMs ?? null,
    last_ended_at_ms: last?.endedAtMs ?? null,
    last_done: last?.done ?? null,
  };
  await transaction
    .withTables<Tables>()
    .insertInto("sweep_walks")
    .values({ walk, ...columns })
    .onConflict((conflict) => conflict.column("walk").doUpdateSet(columns))
    .execute();
}
