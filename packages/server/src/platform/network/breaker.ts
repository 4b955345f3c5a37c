import type { Clock } from "../clock.ts";

/** Stops asking a host that cannot be reached, so that nobody waits for connect time-outs one after the other. */
export interface Breaker {
  /** A ticket for one attempt, or undefined while the breaker is open. Each ticket must be settled once. */
  admit(): BreakerTicket | undefined;
}

export interface BreakerTicket {
  /** `unknown`: the attempt ended before it said anything about the host (aborted, answer too slow). */
  settle(outcome: "reached" | "unreachable" | "unknown"): void;
}

/**
 * Opens after `failures` attempts in a row that found the host unreachable; after `openMs` one attempt probes,
 * and its outcome closes the breaker or opens it for another `openMs`.
 */
export function createBreaker(
  deps: { readonly clock: Clock },
  limits: { readonly failures: number; readonly openMs: number },
): Breaker {
  let inRow = 0;
  let openUntilMs: number | undefined;
  let probing = false;

  return {
    admit() {
      const isProbe = openUntilMs !== undefined;
      if (openUntilMs !== undefined) {
        if (probing || deps.clock.monotonicMs() < openUntilMs) return undefined;
        probing = true;
      }
      return {
        settle(outcome) {
          if (isProbe) probing = false;
          if (outcome === "reached") {
            inRow = 0;
            openUntilMs = undefined;
          } else if (outcome === "unreachable") {
            inRow += 1;
            if (inRow >= limits.failures) openUntilMs = deps.clock.monotonicMs() + limits.openMs;
          }
        },
      };
    },
  };
}
