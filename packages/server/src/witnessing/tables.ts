/** The tables of this room; made by `migrations.ts`, touched by nobody else. */
export type Tables = {
  /** The logs that are or were watched. What was cosigned last is null until there is something. */
  readonly witness_logs: {
    origin: string;
    vkey: string;
    size: number | null;
    root: Uint8Array | null;
    /** The signed note: the log's signature and this witness's. */
    note: string | null;
    /** Whole seconds since 1970. */
    cosigned_at: number | null;
    added_at_ms: number;
  };
  /** What was cosigned before, the newest ten thousand of each log: so that an older fork is known when it is shown. */
  readonly witness_checkpoints: { origin: string; size: number; root: Uint8Array; note: string };
  /** The newest checkpoint that gossip has proven, by key. */
  readonly witness_gossip_newest: { vkey: string; note: string };
  /** What was shown and could not be compared yet. */
  readonly witness_gossip_kept: {
    origin: string;
    size: number;
    root: Uint8Array;
    note: string;
    received_at_ms: number;
  };
  /** Proof that a log signed two histories: docs/formats/gossip.md. Never removed. */
  readonly witness_forks: { origin: string; digest: string; document: string; found_at_ms: number };
};
