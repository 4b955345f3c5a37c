/** Statuses that say "not now" rather than "no". */
export const retriedStatuses: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** Longest `Retry-After` that a request waits for by itself, ms. Beyond it the answer goes to the caller. */
const longestWaitMs = 5_000;

/**
 * How long to wait before try `attempt + 1`, ms, or undefined when the upstream asks for more patience than a
 * request has. `attempt` counts from 1, `fraction` in [0, 1) is the jitter.
 */
export function retryDelayMs(attempt: number, retryAfterMs: number | undefined, fraction: number): number | undefined {
  if (retryAfterMs !== undefined && retryAfterMs > longestWaitMs) return undefined;
  const backoff = 200 * 3 ** (attempt - 1) * (0.5 + fraction);
  return Math.round(Math.max(backoff, retryAfterMs ?? 0));
}

/** `Retry-After` (RFC 9110 §10.2.3: seconds or a date) as ms from now, at least 0; undefined when unreadable. */
export function parseRetryAfterMs(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
