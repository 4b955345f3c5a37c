import type { Generated } from "kysely";

/** The tables of this room; made by `migrations.ts`, touched by nobody else. Times are epoch milliseconds. */
export type Tables = {
  /** Runs of the mirror that are not at their end; the id is the digest of what they were asked for. */
  readonly mirror_runs: { id: string; started_at_ms: number };
  /** The work list of a run: what is wanted, and what became of it. */
  readonly mirror_items: {
    id: Generated<number>;
    run: string;
    name: string;
    /** `formatWant`. */
    want: string;
    /** What the lockfile pins the release to; null when none does. */
    integrity: string | null;
    /** 1: nobody misses it when it cannot be had. */
    is_optional: number;
    state: ItemState;
    /** How often it was tried and may be tried again. */
    attempts: number;
    /** Why it is missing; null unless `state` is `missing`. */
    reason: string | null;
    /** Bytes of the release that is here; 0 for other wants. */
    size_bytes: number;
  };
  /** Where imported releases were proven; the blob `proof/…` with this digest is the bundle. */
  readonly import_proofs: {
    name: string;
    version: string;
    origin: string;
    idx: number;
    digest: string;
    imported_at_ms: number;
  };
  /** Trees of foreign logs that imports showed: of one size there is one. */
  readonly import_checkpoints: { origin: string; size: number; root: Uint8Array; note: string };
};

export type ItemState = "waiting" | "done" | "missing";
