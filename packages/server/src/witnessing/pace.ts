import { AssayError } from "@assay/core";
import type { Clock } from "../platform/clock.ts";

/** How many new checkpoints of a log are cosigned in a time. */
export interface Pace {
  /** Counts one. Throws TOO_MANY_REQUESTS, with when to come again, above the limit. */
  count(origin: string): void;
}

/**
 * A bucket for each log: `perMinute` over time, a tenth of that at once (at least 10). Only what the log's key has
 * signed is counted, and only when it goes on from what was cosigned: nobody else can use the log's share up.
 */
export function createPace(deps: { readonly clock: Clock }, options: { readonly perMinute: number }): Pace {
  const perMs = options.perMinute / 60_000;
  const most = Math.max(10, options.perMinute / 10);
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return {
    count(origin) {
      const nowMs = deps.clock.monotonicMs();
      const { tokens, atMs } = buckets.get(origin) ?? { tokens: most, atMs: nowMs };
      const filled = Math.min(most, tokens + (nowMs - atMs) * perMs);
      if (filled < 1)
        throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds: Math.ceil((1 - filled) / perMs / 1000) });
      buckets.set(origin, { tokens: filled - 1, atMs: nowMs });
    },
  };
}
