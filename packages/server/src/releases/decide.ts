import type { BoundRelease, Gate } from "./releases.ts";

/** When a version came and went. */
export interface ReleaseTimes {
  readonly firstSeenMs: number;
  /** Since when its source does not list it; undefined while it does. */
  readonly goneAtMs: number | undefined;
  /** When a person freed it; undefined when nobody did. */
  readonly freedAtMs: number | undefined;
}

export interface Refusal {
  readonly rule: string;
  readonly reason: string;
}

/** The gate as a pure function: a refusal stands above all, then what is bound is served. */
export function decide(bind: BoundRelease | undefined, refusal: Refusal | undefined): Gate {
  if (refusal !== undefined) return { verdict: "refuse", ...refusal };
  if (bind === undefined) return { verdict: "unbound" };
  return { verdict: "serve", release: bind };
}

/**
 * Why a version must be neither shown nor served, or undefined.
 *
 * A removal within `refuseWithinMs` of first sight means a takedown; a later one keeps the bound bytes served
 * to lockfiles. A version that the source lists again is not refused any more: listings lag for minutes
 * after a publish, and such a gap is no takedown.
 */
export function refusalOf(times: ReleaseTimes, refuseWithinMs: number): Refusal | undefined {
  const { firstSeenMs, goneAtMs, freedAtMs } = times;
  if (goneAtMs === undefined || freedAtMs !== undefined) return undefined;
  if (goneAtMs - firstSeenMs > refuseWithinMs) return undefined;
  const hours = Math.max(0, Math.floor((goneAtMs - firstSeenMs) / 3_600_000));
  return {
    rule: "upstream/removed-early",
    reason: `its upstream removed it ${hours} h after it first appeared, which is what a takedown looks like`,
  };
}

/** Why a hosted version is not served any more: whoever owns the package took it away. */
export function unpublishedRefusal({ goneAtMs }: Pick<ReleaseTimes, "goneAtMs">): Refusal | undefined {
  if (goneAtMs === undefined) return undefined;
  return { rule: "hosted/unpublished", reason: "its publisher took it back" };
}
