import type { EpochMs } from "@assay/core";

/** The only place that reads the time. */
export interface Clock {
  /** Wall clock, whole milliseconds since 1970. */
  now(): EpochMs;
  /** Milliseconds of a clock that never goes back; for durations only. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
