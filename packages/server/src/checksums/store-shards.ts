import type { Reader, Transaction } from "../platform/database/database.ts";
import type { Tables } from "./tables.ts";

/**
 * - `open` takes claims; one shard of a log at most.
 * - `closing` takes no more: its last records are due as soon as its successor is prepared.
 * - `closed` has its last records, which wait for their signature.
 * - `frozen` is signed to its end, and its successor is open.
 * - `next` is a successor that is prepared and not open; nobody sees it.
 * - `recovering` is being made again from a copy; nobody sees it.
 * - `abandoned` is an older state of a shard whose later records are lost (a restored backup): served, never signed.
 */
export type ShardState = "open" | "closing" | "closed" | "frozen" | "next" | "recovering" | "abandoned";

export interface Shard {
  readonly id: string;
  readonly log: string;
  readonly number: number;
  readonly origin: string;
  readonly vkey: string;
  readonly state: ShardState;
  readonly visibility: "private" | "public";
}

export interface HeadRow {
  readonly fence: number;
  readonly assignedSize: number;
  /** Time of the last assigned record, whole seconds. */
  readonly assignedTime: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly edge: Uint8Array;
  /** Signed checkpoint of `size`; undefined until the first one. */
  readonly note: string | undefined;
}

/** What a signature says, and what the guard remembers of the last one. */
export interface SignedTree {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Adds a log unless it is there. Its visibility is fixed by whoever comes first. */
export async function addLog(
  transaction: Transaction,
  log: { readonly id: string; readonly visibility: string; readonly createdAtMs: number },
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("log_lineages")
    .values({ id: log.id, visibility: log.visibility, created_at_ms: log.createdAtMs })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
}

/** Adds a shard and its empty head. Throws when the id, the origin or the number in its log is taken. */
export async function addShard(
  transaction: Transaction,
  shard: Omit<Shard, "visibility"> & { readonly createdAtMs: number },
  head: { readonly root: Uint8Array; readonly edge: Uint8Array },
): Promise<void> {
  const tables = transaction.withTables<Tables>();
  await tables
    .insertInto("log_shards")
    .values({
      id: shard.id,
      log: shard.log,
      number: shard.number,
      origin: shard.origin,
      vkey: shard.vkey,
      state: shard.state,
      created_at_ms: shard.createdAtMs,
    })
    .execute();
  await tables
    .insertInto("log_heads")
    .values({
      shard: shard.id,
      fence: 0,
      assigned_size: 0,
      assigned_time: 0,
      size: 0,
      root: head.root,
      edge: head.edge,
      note: null,
      published_at_ms: 0,
    })
    .execute();
}

/** Moves a shard from one state to another; false when it is in none of `from`. */
export async function moveState(
  transaction: Transaction,
  shard: string,
  from: readonly ShardState[],
  to: ShardState,
): Promise<boolean> {
  const result = await transaction
    .withTables<Tables>()
    .updateTable("log_shards")
    .set({ state: to })
    .where("id", "=", shard)
    .where("state", "in", from)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Removes a shard that has no records. */
export async function removeShard(transaction: Transaction, shard: string): Promise<void> {
  const tables = transaction.withTables<Tables>();
  await tables.deleteFrom("log_heads").where("shard", "=", shard).execute();
  await tables.deleteFrom("log_shards").where("id", "=", shard).execute();
}

/** All shards, newest first within each log. */
export async function listShards(reader: Reader): Promise<readonly Shard[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("log_shards")
    .innerJoin("log_lineages", "log_lineages.id", "log_shards.log")
    .select([
      "log_shards.id",
      "log_shards.log",
      "log_shards.number",
      "log_shards.origin",
      "log_shards.vkey",
      "log_shards.state",
      "log_lineages.visibility",
    ])
    .orderBy("log_shards.log")
    .orderBy("log_shards.number", "desc")
    .execute();
  return rows.map((row) => ({
    ...row,
    state: row.state as ShardState,
    visibility: row.visibility === "public" ? "public" : "private",
  }));
}

export async function headOf(reader: Reader, shard: string): Promise<HeadRow | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_heads")
    .select(["fence", "assigned_size", "assigned_time", "size", "root", "edge", "note"])
    .where("shard", "=", shard)
    .executeTakeFirst();
  return (
    row && {
      fence: row.fence,
      assignedSize: row.assigned_size,
      assignedTime: row.assigned_time,
      size: row.size,
      root: row.root,
      edge: row.edge,
      note: row.note ?? undefined,
    }
  );
}

/** What says whether a shard has something new to show: its state, and when its head and its public checkpoint were stored. */
export async function shardMarks(
  reader: Reader,
  logs: ReadonlySet<string> | "any",
): Promise<readonly { readonly id: string; readonly state: string; readonly mark: string }[]> {
  const rows = await reader
    .withTables<Tables>()
    .selectFrom("log_shards")
    .innerJoin("log_heads", "log_heads.shard", "log_shards.id")
    .leftJoin("log_cosigned", "log_cosigned.shard", "log_shards.id")
    .select([
      "log_shards.id",
      "log_shards.state",
      "log_heads.size",
      "log_heads.published_at_ms",
      "log_cosigned.size as cosigned_size",
      "log_cosigned.published_at_ms as cosigned_at_ms",
    ])
    .$if(logs !== "any", (query) => query.where("log_shards.log", "in", logs === "any" ? [] : [...logs]))
    .execute();
  return rows.map(({ id, state, ...seen }) => ({ id, state, mark: JSON.stringify(Object.values(seen)) }));
}

/** When the newest signed head of a shard was stored, epoch milliseconds; undefined before the first one. */
export async function signedAtOf(reader: Reader, shard: string): Promise<number | undefined> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_heads")
    .select("published_at_ms")
    .where("shard", "=", shard)
    .where("note", "is not", null)
    .executeTakeFirst();
  return row?.published_at_ms;
}

/** Writes the whole head of a shard that is being recovered; the fence stays. */
export async function putHead(
  transaction: Transaction,
  shard: string,
  head: Omit<HeadRow, "fence"> & { readonly publishedAtMs: number },
): Promise<void> {
  await transaction
    .withTables<Tables>()
    .updateTable("log_heads")
    .set({
      assigned_size: head.assignedSize,
      assigned_time: head.assignedTime,
      size: head.size,
      root: head.root,
      edge: head.edge,
      note: head.note ?? null,
      published_at_ms: head.publishedAtMs,
    })
    .where("shard", "=", shard)
    .executeTakeFirstOrThrow();
}

/** Raises the fence of a shard and answers it: the caller is its sequencer until somebody else does this. */
export async function raiseFence(transaction: Transaction, shard: string): Promise<number> {
  const row = await transaction
    .withTables<Tables>()
    .updateTable("log_heads")
    .set((builder) => ({ fence: builder("fence", "+", 1) }))
    .where("shard", "=", shard)
    .returning("fence")
    .executeTakeFirstOrThrow();
  return row.fence;
}

/** The state of a shard for its sequencer; `fenced` when the caller is not the sequencer any more. */
export async function stateFor(reader: Reader, shard: string, fence: number): Promise<ShardState | "fenced"> {
  const row = await reader
    .withTables<Tables>()
    .selectFrom("log_heads")
    .innerJoin("log_shards", "log_shards.id", "log_heads.shard")
    .select(["log_heads.fence", "log_shards.state"])
    .where("log_heads.shard", "=", shard)
    .executeTakeFirst();
  return row?.fence === fence ? (row.state as ShardState) : "fenced";
}

/** Moves the assigned size; false when the fence is another's or the size is not `from`. */
export async function moveAssigned(
  transaction: Transaction,
  shard: string,
  fence: number,
  move: { readonly from: number; readonly to: number; readonly time: number },
): Promise<boolean> {
  const result = await transaction
    .withTables<Tables>()
    .updateTable("log_heads")
    .set({ assigned_size: move.to, assigned_time: move.time })
    .where("shard", "=", shard)
    .where("fence", "=", fence)
    .where("assigned_size", "=", move.from)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Compare-and-swap of the signed head; false when the fence is another's or the size is not `from`. */
export async function swapHead(
  transaction: Transaction,
  shard: string,
  fence: number,
  from: number,
  next: SignedTree & { readonly edge: Uint8Array; readonly note: string; readonly atMs: number },
): Promise<boolean> {
  const result = await transaction
    .withTables<Tables>()
    .updateTable("log_heads")
    .set({
      size: next.size,
      root: next.root,
      edge: next.edge,
      note: next.note,
      published_at_ms: next.atMs,
    })
    .where("shard", "=", shard)
    .where("fence", "=", fence)
    .where("size", "=", from)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** The first copy of the guard: what was last allowed to be signed. */
export async function guardOf(reader: Reader, shard: string): Promise<SignedTree | undefined> {
  return await reader
    .withTables<Tables>()
    .selectFrom("log_guards")
    .select(["size", "root"])
    .where("shard", "=", shard)
    .executeTakeFirst();
}

export async function putGuard(transaction: Transaction, shard: string, signed: SignedTree): Promise<void> {
  await transaction
    .withTables<Tables>()
    .insertInto("log_guards")
    .values({ shard, size: signed.size, root: signed.root })
    .onConflict((conflict) => conflict.column("shard").doUpdateSet({ size: signed.size, root: signed.root }))
    .execute();
}
