import { setTimeout as delay } from "node:timers/promises";
import type { EpochMs } from "@assay/core";
import type { Clock } from "./clock.ts";

/** The clock of the machine. A pending `sleep` keeps the process alive. */
export function createSystemClock(): Clock {
  return {
    now: () => Date.now() as EpochMs,
    monotonicMs: () => performance.now(),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      try {
        await delay(ms, undefined, signal === undefined ? {} : { signal });
      } catch (error) {
        // The promise of the contract is the signal's own reason, not the AbortError around it.
        signal?.throwIfAborted();
        throw error;
      }
    },
  };
}
