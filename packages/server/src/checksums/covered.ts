import { AssayError } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { PublishedHead, PublishedHeads } from "./published.ts";
import { positionsOf } from "./store-claims.ts";

export interface ReadDependencies {
  readonly database: Database;
  readonly published: PublishedHeads;
  readonly clock: Clock;
  /** Tells the sequencer that claims wait in a log. */
  readonly wake: (log: string) => void;
}

/** A claim with its place under a published checkpoint. */
export interface Covered {
  readonly key: string;
  readonly shard: string;
  readonly idx: number;
}

/** Longest wait for a signed checkpoint, ms. */
const longestWaitMs = 5000;

/**
 * Where the claims with these keys stand, once all of them are under a published checkpoint; keys without a claim are
 * left out. Waits for the sequencer: NOT_READY after 5 s, the signal's reason when it is aborted.
 */
export async function coveredPositions(
  deps: ReadDependencies,
  log: string,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<readonly Covered[]> {
  const { database, published, clock, wake } = deps;
  const deadline = clock.monotonicMs() + longestWaitMs;
  const covered: Covered[] = [];
  let asked = keys;
  for (;;) {
    signal.throwIfAborted();
    // Before the rows are read: a publication between would otherwise be slept through.
    const turn = published.next();
    const waiting: string[] = [];
    for (const { key, shard, idx } of await positionsOf(database.read, log, asked)) {
      if (shard !== null && idx !== null && idx < (published.get(shard)?.size ?? 0)) covered.push({ key, shard, idx });
      else waiting.push(key);
    }
    if (waiting.length === 0) return covered;
    asked = waiting;
    wake(log);
    if (!(await reached(turn, clock, deadline - clock.monotonicMs(), signal)))
      throw new AssayError("NOT_READY", {
        reason: "the log has not signed this entry yet; try again",
        retryAfterSeconds: 1,
      });
  }
}

/** The head that covers a place; it was published when the place was found. */
export function headFor(published: PublishedHeads, shard: string): PublishedHead {
  const head = published.get(shard);
  if (head === undefined)
    throw new AssayError("NOT_READY", { reason: `the log ${shard} is starting`, retryAfterSeconds: 1 });
  return head;
}

/** True when the turn came within `ms`. */
async function reached(turn: Promise<void>, clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  if (ms <= 0) return false;
  const enough = new AbortController();
  try {
    return await Promise.race([
      turn.then(() => true),
      clock.sleep(ms, AbortSignal.any([signal, enough.signal])).then(() => false),
    ]);
  } finally {
    enough.abort();
  }
}
