/** The tables of this room; made by `migrations.ts`, touched by nobody else. Times are epoch milliseconds. */
export type Tables = {
  /** Blobs that a claim refers to. What is in the blob store and not here, nor in evidence, is an orphan. */
  readonly admission_blobs: { key: string; claimed_at_ms: number };
  /** Blobs that wait for a decision: by whom, such as `stage:<id>`. They are no orphans meanwhile. */
  readonly admission_held: { key: string; holder: string };
  /** Orphans that are being removed: no claim may refer to them until their row is gone. */
  readonly admission_doomed: { key: string; doomed_at_ms: number };
  /** Wrong bytes that a source served: at most one blob for a version and source. */
  readonly admission_evidence: {
    name: string;
    version: string;
    source: string;
    key: string;
    size_bytes: number;
    stored_at_ms: number;
    /** JSON of what the source listed and with which signatures (statement.ts); null when it was not asked. */
    statement: string | null;
  };
};
