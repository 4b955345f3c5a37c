import type { EpochMs } from "@assay/core";
import type { Clock } from "../platform/clock.ts";

/** What this process saw one source do since it started. */
export interface SourceActivity {
  /** Its last good answer, and how long it took to come; undefined before the first one. */
  readonly answered: { readonly atMs: EpochMs; readonly afterMs: number } | undefined;
  /** Tarballs that came whole from it. */
  readonly delivered: number;
  /** Tarballs that it was asked for and did not have. */
  readonly missing: number;
  /** How old the youngest version was that it had when asked, and the oldest that it lacked, ms since its release. */
  readonly youngestHadMs: number | undefined;
  readonly oldestLackedMs: number | undefined;
}

export interface Activity {
  /** A good answer began; `startedMs` is monotonic. */
  answered(alias: string, startedMs: number): void;
  /** What became of a request for a tarball; `publishedMs` as its owner lists it. */
  asked(alias: string, outcome: string, publishedMs: EpochMs | undefined): void;
  of(alias: string): SourceActivity;
}

const nothing: SourceActivity = {
  answered: undefined,
  delivered: 0,
  missing: 0,
  youngestHadMs: undefined,
  oldestLackedMs: undefined,
};

export function createActivity({ clock }: { readonly clock: Clock }): Activity {
  const seen = new Map<string, SourceActivity>();
  const of = (alias: string): SourceActivity => seen.get(alias) ?? nothing;
  return {
    of,
    answered(alias, startedMs) {
      const answered = { atMs: clock.now(), afterMs: clock.monotonicMs() - startedMs };
      seen.set(alias, { ...of(alias), answered });
    },
    asked(alias, outcome, publishedMs) {
      const before = of(alias);
      const ageMs = publishedMs === undefined ? undefined : Math.max(0, clock.now() - publishedMs);
      if (outcome === "delivered")
        seen.set(alias, {
          ...before,
          delivered: before.delivered + 1,
          youngestHadMs: least(before.youngestHadMs, ageMs),
        });
      else if (outcome === "missing")
        seen.set(alias, {
          ...before,
          missing: before.missing + 1,
          oldestLackedMs: most(before.oldestLackedMs, ageMs),
        });
    },
  };
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

function most(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}
