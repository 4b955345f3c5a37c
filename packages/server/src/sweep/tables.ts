/** The table of this room; made by `migrations.ts`, touched by nobody else. Times are epoch milliseconds. */
export type Tables = {
  /** How far each walk over everything has come. */
  readonly sweep_walks: {
    /** `blobs`, `listings` or `samples`. */
    walk: string;
    /** What was looked at last; empty at the start of a pass. */
    cursor: string;
    started_at_ms: number;
    /** Looked at in this pass, and how many there were when it started. */
    done: number;
    total: number;
    /** Of the last pass that came to its end; null before there was one. */
    last_started_at_ms: number | null;
    last_ended_at_ms: number | null;
    last_done: number | null;
  };
};
