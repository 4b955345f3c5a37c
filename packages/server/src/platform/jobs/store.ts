import { AssayError } from "@assay/core";
import { sql, type Generated } from "kysely";
import { columns } from "../database/columns.ts";
import type { Migrations, Reader, Transaction } from "../database/database.ts";
import type { JobHandlers, NewJob } from "./jobs.ts";

type JobTables = {
  jobs: {
    id: Generated<number>;
    kind: string;
    dedup_key: string | null;
    payload: string;
    /** `failed` jobs stay for people to look at. */
    state: "waiting" | "running" | "failed";
    attempts: number;
    /** Waiting: when it may run. Running: when its lease ends. */
    due_at_ms: number;
    /** Who runs it: what ends a job must still hold its lease. */
    lease: string | null;
    error: string | null;
    enqueued_at_ms: number;
  };
};

export interface ClaimedJob {
  readonly id: number;
  readonly kind: string;
  readonly payload: string;
  /** 1 on the first run. */
  readonly attempt: number;
  readonly lease: string;
}

export const jobMigrations: Migrations = {
  "0002-platform-jobs": {
    async up(transaction) {
      const { table, text, integer, identity } = columns(transaction);
      await table("jobs")
        .addColumn("id", integer, identity)
        .addColumn("kind", text, (column) => column.notNull())
        .addColumn("dedup_key", text)
        .addColumn("payload", text, (column) => column.notNull())
        .addColumn("state", text, (column) => column.notNull())
        .addColumn("attempts", integer, (column) => column.notNull())
        .addColumn("due_at_ms", integer, (column) => column.notNull())
        .addColumn("lease", text)
        .addColumn("error", text)
        .addColumn("enqueued_at_ms", integer, (column) => column.notNull())
        .execute();
      await sql`create unique index jobs_waiting_once on jobs (kind, dedup_key)
        where state = 'waiting' and dedup_key is not null`.execute(transaction);
      await sql`create index jobs_due on jobs (due_at_ms) where state <> 'failed'`.execute(transaction);
    },
  },
};

export async function addJob(transaction: Transaction, job: NewJob, nowMs: number): Promise<void> {
  const payload: string | undefined = JSON.stringify(job.payload);
  if (payload === undefined)
    throw new AssayError("DATABASE", { reason: `a job of kind ${job.kind} whose payload is not JSON` });
  await transaction
    .withTables<JobTables>()
    .insertInto("jobs")
    .values({
      kind: job.kind,
      dedup_key: job.dedupKey ?? null,
      payload,
      state: "waiting",
      attempts: 0,
      due_at_ms: job.runAtMs ?? nowMs,
      lease: null,
      error: null,
      enqueued_at_ms: nowMs,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** When the next job of these kinds is due, or undefined when there is none. */
export async function dueAtMs(reader: Reader, kinds: readonly string[]): Promise<number | undefined> {
  if (kinds.length === 0) return undefined;
  const row = await reader
    .withTables<JobTables>()
    .selectFrom("jobs")
    .select("due_at_ms")
    .where("state", "<>", "failed")
    .where("kind", "in", kinds)
    .orderBy("due_at_ms")
    .limit(1)
    .executeTakeFirst();
  return row?.due_at_ms;
}

export interface Claim {
  readonly handlers: JobHandlers;
  readonly count: number;
  readonly lease: string;
  readonly nowMs: number;
}

/**
 * Claims up to `count` due jobs, longest due first: waiting ones, and running ones whose lease has ended.
 * Of the latter, those without attempts left are given up and answered as `vanished`.
 */
export async function claimJobs(
  transaction: Transaction,
  { handlers, count, lease, nowMs }: Claim,
): Promise<{ readonly claimed: readonly ClaimedJob[]; readonly vanished: readonly { id: number; kind: string }[] }> {
  const tables = transaction.withTables<JobTables>();
  const due = await tables
    .selectFrom("jobs")
    .select(["id", "kind", "payload", "attempts"])
    .where("state", "<>", "failed")
    .where("due_at_ms", "<=", nowMs)
    .where("kind", "in", Object.keys(handlers))
    .orderBy("due_at_ms")
    .orderBy("id")
    .limit(count)
    .$if(transaction.engine === "postgres", (query) => query.forUpdate().skipLocked())
    .execute();
  const claimed: ClaimedJob[] = [];
  const vanished: { id: number; kind: string }[] = [];
  for (const { id, kind, payload, attempts } of due) {
    const handler = handlers[kind];
    if (handler === undefined) continue;
    if (attempts >= handler.maxAttempts) {
      vanished.push({ id, kind });
      await tables
        .updateTable("jobs")
        .set({ state: "failed", lease: null, error: "its worker vanished" })
        .where("id", "=", id)
        .execute();
      continue;
    }
    await tables
      .updateTable("jobs")
      .set({ state: "running", attempts: attempts + 1, lease, due_at_ms: nowMs + handler.leaseSeconds * 1000 })
      .where("id", "=", id)
      .execute();
    claimed.push({ id, kind, payload, attempt: attempts + 1, lease });
  }
  return { claimed, vanished };
}

/** Removes a job that is done; nothing when its lease was lost. */
export async function removeJob(transaction: Transaction, { id, lease }: ClaimedJob): Promise<void> {
  await transaction
    .withTables<JobTables>()
    .deleteFrom("jobs")
    .where("id", "=", id)
    .where("lease", "=", lease)
    .execute();
}

/** Lets a job wait again. When a twin with its dedup key waits by now, that one is enough. */
export async function putBack(
  transaction: Transaction,
  job: ClaimedJob,
  next: { readonly attempts: number; readonly dueAtMs: number },
): Promise<void> {
  const tables = transaction.withTables<JobTables>();
  const twin = await tables
    .selectFrom("jobs as mine")
    .innerJoin("jobs as other", (join) =>
      join.onRef("other.kind", "=", "mine.kind").onRef("other.dedup_key", "=", "mine.dedup_key"),
    )
    .select("other.id")
    .where("mine.id", "=", job.id)
    .where("other.state", "=", "waiting")
    .executeTakeFirst();
  if (twin !== undefined) return removeJob(transaction, job);
  await tables
    .updateTable("jobs")
    .set({ state: "waiting", lease: null, attempts: next.attempts, due_at_ms: next.dueAtMs })
    .where("id", "=", job.id)
    .where("lease", "=", job.lease)
    .execute();
}

/** Keeps a job that used all its attempts, with its last error. */
export async function giveUp(transaction: Transaction, job: ClaimedJob, error: string): Promise<void> {
  await transaction
    .withTables<JobTables>()
    .updateTable("jobs")
    .set({
      state: "failed",
      lease: null,
      error: error.replaceAll("\0", "").toWellFormed().slice(0, 2000).toWellFormed(),
    })
    .where("id", "=", job.id)
    .where("lease", "=", job.lease)
    .execute();
}
