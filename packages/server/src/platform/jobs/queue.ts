import type { Clock } from "../clock.ts";
import type { Database } from "../database/database.ts";
import type { Random } from "../random.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { JobHandler, JobHandlers, JobQueue } from "./jobs.ts";
import { addJob, claimJobs, dueAtMs, giveUp, putBack, removeJob, type ClaimedJob } from "./store.ts";

export { jobMigrations } from "./store.ts";

export interface JobQueueDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Pick<Telemetry, "log">;
}

export interface JobQueueOptions {
  /** Jobs that run at once in this process. Default 4. */
  readonly concurrency?: number;
}

/** Work that another process enqueued is noticed after this; idle, it is the only thing that happens. */
const pollMs = 1000;

/**
 * Jobs in a table. `enqueue` here wakes `run` here as soon as its transaction is committed.
 *
 * A crash leaves a running job to its lease: it is claimed again when that ends, and given up when it has
 * used all its attempts. On shutdown a handler that stops by its signal gives its attempt back.
 */
export function createJobQueue(deps: JobQueueDeps, { concurrency = 4 }: JobQueueOptions = {}): JobQueue {
  const {
    clock,
    telemetry: { log },
  } = deps;
  const bells = new Set<Bell>();

  async function step(run: Run, bell: Bell): Promise<void> {
    const free = concurrency - run.underWay.size;
    if (free === 0) return bell.ring();
    const claimed = await claim(deps, run.handlers, free);
    for (const job of claimed) {
      const ended: Promise<void> = perform(deps, run, job).finally(() => {
        run.underWay.delete(ended);
        bell.strike();
      });
      run.underWay.add(ended);
    }
    if (claimed.length > 0) return;
    const dueMs = await dueAtMs(deps.database.read, Object.keys(run.handlers));
    await bell.ring(Math.max(1, Math.min(pollMs, (dueMs ?? Infinity) - clock.now())));
  }

  return {
    async enqueue(transaction, job) {
      await addJob(transaction, job, clock.now());
      transaction.afterCommit(() => {
        for (const bell of bells) bell.strike();
      });
    },
    async run(handlers, signal) {
      const run: Run = { handlers, signal, underWay: new Set() };
      const bell = createBell(clock, signal);
      bells.add(bell);
      try {
        while (!signal.aborted) {
          try {
            await step(run, bell);
          } catch (error) {
            log.error("jobs cannot be claimed; trying again in a second", { error });
            await bell.ring(pollMs);
          }
        }
      } finally {
        bells.delete(bell);
        await Promise.all(run.underWay);
      }
    },
  };
}

interface Run {
  readonly handlers: JobHandlers;
  readonly signal: AbortSignal;
  readonly underWay: Set<Promise<void>>;
}

async function claim(deps: JobQueueDeps, handlers: JobHandlers, count: number): Promise<readonly ClaimedJob[]> {
  const {
    database,
    clock,
    random,
    telemetry: { log },
  } = deps;
  const kinds = Object.keys(handlers);
  const dueMs = await dueAtMs(database.read, kinds);
  // Looking costs nothing durable: an idle queue never writes.
  if (dueMs === undefined || dueMs > clock.now()) return [];
  const lease = Buffer.from(random.bytes(16)).toString("hex");
  const { claimed, vanished } = await database.write((transaction) =>
    claimJobs(transaction, { handlers, count, lease, nowMs: clock.now() }),
  );
  for (const { id, kind } of vanished)
    log.error("a job is given up: its worker vanished each time", { "job.id": id, "job.kind": kind });
  return claimed;
}

/** Runs one claimed job and writes down how it ended. Never rejects. */
async function perform(deps: JobQueueDeps, run: Run, job: ClaimedJob): Promise<void> {
  const {
    database,
    clock,
    telemetry: { log },
  } = deps;
  const fields = { "job.id": job.id, "job.kind": job.kind, "job.attempt": job.attempt };
  const handler = run.handlers[job.kind];
  if (handler === undefined) return;
  try {
    const failure = await attempt(clock, handler, job, run.signal);
    if (failure === undefined) return await database.write((transaction) => removeJob(transaction, job));
    if (run.signal.aborted)
      return await database.write((transaction) =>
        putBack(transaction, job, { attempts: job.attempt - 1, dueAtMs: clock.now() }),
      );
    if (job.attempt >= handler.maxAttempts) {
      log.error("a job is given up: it failed each time", { ...fields, error: failure.error });
      return await database.write((transaction) => giveUp(transaction, job, String(failure.error)));
    }
    const pauseSeconds = Math.min(2 ** job.attempt, 3600);
    log.warn("a job failed and will be tried again", {
      ...fields,
      "job.pauseSeconds": pauseSeconds,
      error: failure.error,
    });
    await database.write((transaction) =>
      putBack(transaction, job, { attempts: job.attempt, dueAtMs: clock.now() + pauseSeconds * 1000 }),
    );
  } catch (error) {
    // Its lease will end and it is run again, which handlers allow for.
    log.error("the end of a job cannot be written down", { ...fields, error });
  }
}

/** Runs the handler once; its signal ends with the lease, because then another worker may have the job. */
async function attempt(
  clock: Clock,
  handler: JobHandler,
  job: ClaimedJob,
  signal: AbortSignal,
): Promise<{ readonly error: unknown } | undefined> {
  const lease = new AbortController();
  const done = new AbortController();
  clock.sleep(handler.leaseSeconds * 1000, done.signal).then(
    () => lease.abort(new Error("the lease ended")),
    () => {},
  );
  try {
    // Aborted while it was claimed: a handler that only listens for the signal would never hear it.
    signal.throwIfAborted();
    await handler.run(JSON.parse(job.payload), AbortSignal.any([signal, lease.signal]));
    return undefined;
  } catch (error) {
    return { error };
  } finally {
    done.abort();
  }
}

/** Wakes one runner: a strike that comes while nobody waits is kept. */
interface Bell {
  strike(): void;
  /** Resolves at the next strike, after `ms`, or when the signal is aborted. */
  ring(ms?: number): Promise<void>;
}

function createBell(clock: Clock, signal: AbortSignal): Bell {
  let struck = false;
  let wake: (() => void) | undefined;
  const strike = (): void => {
    struck = true;
    wake?.();
  };
  signal.addEventListener("abort", strike, { once: true });
  return {
    strike,
    async ring(ms) {
      if (!struck && !signal.aborted) {
        const awake = new AbortController();
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (ms !== undefined) clock.sleep(ms, awake.signal).then(resolve, () => {});
        });
        wake = undefined;
        awake.abort();
      }
      struck = false;
    },
  };
}
