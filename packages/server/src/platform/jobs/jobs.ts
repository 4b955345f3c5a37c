import type { Transaction } from "../database/database.ts";

/**
 * Work that must happen although this process may die: a row, enqueued in the caller's transaction,
 * run at least once. Handlers are idempotent.
 */
export interface JobQueue {
  /**
   * Adds a job. While a job of the same kind and `dedupKey` waits, a second one is not added.
   * `runAtMs` (epoch ms) delays it.
   */
  enqueue(transaction: Transaction, job: NewJob): Promise<void>;

  /** Claims and runs jobs until the signal is aborted; resolves when those under way have ended. */
  run(handlers: JobHandlers, signal: AbortSignal): Promise<void>;
}

export interface NewJob {
  readonly kind: string;
  readonly payload: unknown;
  readonly dedupKey?: string;
  readonly runAtMs?: number;
}

export interface JobHandler {
  /** A failed run is tried again after 2^attempt seconds (at most an hour) until this many attempts. */
  readonly maxAttempts: number;
  /** A job whose worker vanished is claimed again after this. */
  readonly leaseSeconds: number;
  run(payload: unknown, signal: AbortSignal): Promise<void>;
}

export type JobHandlers = Readonly<Record<string, JobHandler>>;
