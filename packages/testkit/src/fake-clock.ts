import type { EpochMs } from "@assay/core";
import type { Clock } from "@assay/server/platform/clock";

/** A clock that moves only when it is told to. */
export interface FakeClock extends Clock {
  /**
   * Moves both clocks on by whole milliseconds; sleepers whose time has come wake in the order of their
   * times. Resolves after they had a turn.
   */
  advance(ms: number): Promise<void>;
  /** How many sleep now. */
  readonly sleepers: number;
  /** Resolves when at least this many sleep. */
  untilSleepers(count: number): Promise<void>;
}

interface Sleeper {
  readonly atMs: number;
  wake(): void;
}

/** Starts at `nowMs`, by default a Sunday in November 2026; the monotonic clock starts at 0. */
export function createFakeClock(nowMs = 1_795_305_600_000): FakeClock {
  let elapsedMs = 0;
  const sleepers = new Set<Sleeper>();
  const watchers = new Set<() => void>();

  return {
    now: () => (nowMs + elapsedMs) as EpochMs,
    monotonicMs: () => elapsedMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const stop = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          atMs: elapsedMs + ms,
          wake() {
            signal?.removeEventListener("abort", stop);
            sleepers.delete(sleeper);
            resolve();
          },
        };
        signal?.addEventListener("abort", stop, { once: true });
        sleepers.add(sleeper);
        for (const watcher of watchers) watcher();
      }),
    async advance(ms) {
      const untilMs = elapsedMs + ms;
      for (;;) {
        const [next] = [...sleepers].filter((one) => one.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        elapsedMs = Math.max(elapsedMs, next.atMs);
        next.wake();
        // Whoever woke may go to sleep again within the time that passes here.
        await new Promise((resolve) => setImmediate(resolve));
      }
      elapsedMs = untilMs;
    },
    get sleepers() {
      return sleepers.size;
    },
    async untilSleepers(count) {
      while (sleepers.size < count)
        await new Promise<void>((resolve) => {
          const watcher = () => {
            watchers.delete(watcher);
            resolve();
          };
          watchers.add(watcher);
        });
    },
  };
}
