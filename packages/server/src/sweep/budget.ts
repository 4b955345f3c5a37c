import type { Clock } from "../platform/clock.ts";

/** So much a second and no more, evenly: what was not used is not saved up. */
export interface Budget {
  /** Resolves when this amount may be spent, or when the signal is aborted. */
  spend(amount: number, signal: AbortSignal): Promise<void>;
}

export function createBudget(clock: Clock, perSecond: number): Budget {
  let freeAtMs = 0;
  return {
    async spend(amount, signal) {
      const nowMs = clock.monotonicMs();
      const startMs = Math.max(freeAtMs, nowMs);
      freeAtMs = startMs + (amount / perSecond) * 1000;
      if (startMs > nowMs) await clock.sleep(Math.ceil(startMs - nowMs), signal).catch(() => {});
    },
  };
}
