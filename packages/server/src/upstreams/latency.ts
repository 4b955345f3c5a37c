import type { Clock } from "../platform/clock.ts";

/** How long sources take until an answer begins, as seen by this process. */
export interface Latency {
  /** A whole answer began after this long, or was given up waiting for: then it took at least that. */
  record(alias: string, ms: number): void;
  /** What to expect, ms: a mean in which the newest counts most. It fades: who was slow long ago gets a try. 0 when unknown. */
  expectedMs(alias: string): number;
  /** 95 of 100 answers began within this, ms, of the newest 64; undefined below 8. */
  p95Ms(alias: string): number | undefined;
}

const newestCount = 64;
const leastCount = 8;
/** Share of the newest sample in the mean. */
const newestShare = 0.2;
const halfLifeMs = 10 * 60_000;

export function createLatency({ clock }: { readonly clock: Clock }): Latency {
  const measured = new Map<string, { meanMs: number; atMs: number; readonly newest: number[] }>();
  return {
    record(alias, ms) {
      const atMs = clock.monotonicMs();
      const known = measured.get(alias);
      if (known === undefined) {
        measured.set(alias, { meanMs: ms, atMs, newest: [ms] });
        return;
      }
      known.meanMs += (ms - known.meanMs) * newestShare;
      known.atMs = atMs;
      known.newest.push(ms);
      if (known.newest.length > newestCount) known.newest.shift();
    },
    expectedMs(alias) {
      const known = measured.get(alias);
      return known === undefined ? 0 : known.meanMs * 0.5 ** ((clock.monotonicMs() - known.atMs) / halfLifeMs);
    },
    p95Ms(alias) {
      const newest = measured.get(alias)?.newest ?? [];
      if (newest.length < leastCount) return undefined;
      return newest.toSorted((a, b) => a - b)[Math.ceil(newest.length * 0.95) - 1];
    },
  };
}
