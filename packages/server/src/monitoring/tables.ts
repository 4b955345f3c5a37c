import type { Generated } from "kysely";

/** The tables of this room; made by `migrations.ts`, touched by nobody else. */
export type Tables = {
  /** The shards of the logs that are followed. A lineage is named by the vkey that was given. */
  readonly monitor_shards: {
    vkey: string;
    lineage: string;
    origin: string;
    /** Where its checkpoint and tiles are. */
    url: string;
    /** Order within the lineage; the one that was given is 0, earlier ones are negative. */
    number: number;
    /** Newest signed checkpoint that was proven. */
    note: string | null;
    /** Records that were checked. */
    checked: number;
    /** Largest time among them. */
    checked_time: number;
    /** 1: its last record names a successor, or a later shard fixed its end. */
    is_final: number;
    /** 1: its key signed two histories; it is not read any more. */
    is_forked: number;
  };
  /** By digest of a package (first 16 bytes): its last record in the shard. */
  readonly monitor_chains: { vkey: string; digest: Uint8Array; seq: number; idx: number };
  /** By digest of a release (first 16 bytes): what stands in the lineage. */
  readonly monitor_standing: { lineage: string; digest: Uint8Array; vkey: string; idx: number };
  /** Binds of own scopes, until they were found among what was expected. */
  readonly monitor_own: {
    vkey: string;
    idx: number;
    name: string;
    version: string;
    integrity: string;
    seen_at_ms: number;
    /** 1: reported. */
    is_reported: number;
  };
  readonly monitor_findings: {
    id: Generated<number>;
    digest: string;
    rule: string;
    severity: string;
    origin: string;
    idx: number | null;
    sentence: string;
    evidence: string;
    found_at_ms: number;
    /** Null until every webhook has taken it. */
    posted_at_ms: number | null;
  };
};
