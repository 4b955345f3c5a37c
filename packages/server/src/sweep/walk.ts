import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { readWalk, writeWalk, type WalkState } from "./store.ts";

/** One way through everything that is bound, in an order that never changes: so what was looked at longest ago is next. */
export interface Walk<Item> {
  readonly name: "blobs" | "listings" | "samples";
  /** How many items there are, about. */
  count(): Promise<number>;
  /** The item after a cursor, with its own; the empty one is the start. Undefined at the end. */
  next(cursor: string): Promise<{ readonly cursor: string; readonly item: Item } | undefined>;
  /** Looks at one item. What it finds it reports; it throws only for faults of ours. */
  look(item: Item, signal: AbortSignal): Promise<void>;
}

export interface WalkDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export interface WalkOptions {
  /** How long a pass takes, when the budgets allow: items are spread over it. */
  readonly passMs: number;
  readonly signal: AbortSignal;
  readonly onState: (state: WalkState) => void;
}

/** The state is written at most this often: a crash repeats what was looked at since. */
const saveMs = 1000;
const retryMs = 10_000;

/**
 * Walks for ever, pass after pass, until the signal is aborted. Items are due evenly over the pass; one that is late
 * is followed by the next at once, so that a start after a pause, or a slow source, is caught up. A restart goes on
 * where the walk was.
 */
export async function runWalk<Item>(deps: WalkDeps, walk: Walk<Item>, options: WalkOptions): Promise<void> {
  const { clock, telemetry } = deps;
  const { signal } = options;
  while (!signal.aborted) {
    try {
      await passes(deps, walk, options);
    } catch (error) {
      if (signal.aborted) return;
      telemetry.log.error(`the sweep of ${walk.name} failed and goes on`, { "retry.ms": retryMs, error });
      await clock.sleep(retryMs, signal).catch(() => {});
    }
  }
}

async function passes<Item>(
  { database, clock }: WalkDeps,
  walk: Walk<Item>,
  { passMs, signal, onState }: WalkOptions,
): Promise<void> {
  let state = (await readWalk(database.read, walk.name)) ?? fresh(clock.now(), await walk.count(), undefined);
  let savedAtMs = -Infinity;
  const advance = async (next: WalkState, isLast: boolean): Promise<void> => {
    state = next;
    onState(state);
    if (!isLast && clock.monotonicMs() - savedAtMs < saveMs) return;
    savedAtMs = clock.monotonicMs();
    await database.write((transaction) => writeWalk(transaction, walk.name, state));
  };
  onState(state);
  while (!signal.aborted) {
    // A clock that was put back must not stop the walk until it is where it was.
    const startedAtMs = Math.min(state.startedAtMs, clock.now());
    const found = await walk.next(state.cursor);
    // None is due at the very start: a server that was just started has better things to do.
    const share = found === undefined ? 1 : (state.done + 1) / (Math.max(state.total, state.done + 1) + 1);
    await untilDue(clock, startedAtMs + passMs * share, signal);
    if (signal.aborted) break;
    if (found === undefined) {
      const endedAtMs = clock.now();
      await advance(fresh(endedAtMs, await walk.count(), { startedAtMs, endedAtMs, done: state.done }), true);
      continue;
    }
    await walk.look(found.item, signal);
    // What the shutdown cut off was not looked at.
    if (signal.aborted) break;
    await advance({ ...state, startedAtMs, cursor: found.cursor, done: state.done + 1 }, false);
  }
  await database.write((transaction) => writeWalk(transaction, walk.name, state));
}

function fresh(startedAtMs: number, total: number, last: WalkState["last"]): WalkState {
  return { cursor: "", startedAtMs, done: 0, total, last };
}

async function untilDue(clock: Clock, dueAtMs: number, signal: AbortSignal): Promise<void> {
  const waitMs = Math.ceil(dueAtMs - clock.now());
  if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => {});
}
