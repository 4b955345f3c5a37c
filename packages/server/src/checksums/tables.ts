import type { Generated } from "kysely";

/** The tables of this room; made by `migrations.ts`, touched by nobody else. Indexes count from 0, times in `_ms` are epoch milliseconds. */
export type Tables = {
  /** A log is a lineage of shards; claims are unique over the lineage. */
  readonly log_lineages: { id: string; visibility: string; created_at_ms: number };
  /** `number` counts the shards of a log from 1. `origin` is fixed for ever. */
  readonly log_shards: {
    id: string;
    log: string;
    number: number;
    origin: string;
    vkey: string;
    state: string;
    created_at_ms: number;
  };
  /** What somebody claimed, in the order of `id`; `shard` and `idx` are null until sequenced. */
  readonly log_claims: {
    id: Generated<number>;
    log: string;
    key: string;
    kind: string;
    name: string;
    version: string;
    facts: string;
    claimed_at_ms: number;
    shard: string | null;
    idx: number | null;
  };
  /** The entries of a shard, assigned for ever. */
  readonly log_entries: { shard: string; idx: number; record: string; leaf_hash: Uint8Array };
  /** The last record of each package in a shard: source of `seq` and `prev`. */
  readonly log_packages: { shard: string; name: string; seq: number; last_idx: number };
  /** One row a shard: what is assigned, what is signed, and who may sequence. */
  readonly log_heads: {
    shard: string;
    /** Raised by whoever takes over; every later write of the one before matches no row. */
    fence: number;
    assigned_size: number;
    /** Time of the last assigned record, whole seconds. */
    assigned_time: number;
    size: number;
    root: Uint8Array;
    edge: Uint8Array;
    note: string | null;
    published_at_ms: number;
  };
  /** The newest checkpoint that met the witness policy: what readers see, where there is one. */
  readonly log_cosigned: {
    shard: string;
    size: number;
    root: Uint8Array;
    edge: Uint8Array;
    note: string;
    published_at_ms: number;
  };
  /** One row: which process sequences, whatever the log. `fence` is raised by whoever takes over, `beat` by the leader while it lives. */
  readonly log_leads: {
    id: string;
    fence: number;
    beat: Generated<number>;
    is_held: Generated<number>;
    /** The fence that it is about, and the mark of the process; null: it has none. */
    holder: Generated<string | null>;
  };
  /** First copy of the signing guard. */
  readonly log_guards: { shard: string; size: number; root: Uint8Array };
  /**
   * Shards of other parties' logs that this deployment follows. Claims of such a log stand in `log_claims` under `log`
   * with their place in the shard of that `origin`; their records are in `log_entries` under the origin. `note`: newest
   * checkpoint that was proven. `number`: 0 of the shard whose key was pinned, above it of its successors, below it of
   * its predecessors, whose final tree a later shard vouched for. `fork`: blob of the evidence that its key signed two histories; nothing new is taken.
   */
  readonly log_remotes: {
    vkey: string;
    log: string;
    origin: string;
    visibility: string;
    note: string | null;
    note_at_ms: number | null;
    fork: string | null;
    number: number;
    created_at_ms: number;
  };
};
