/** Times are epoch milliseconds. */
export type InsightTables = {
  /** The audit trail: rows are added, never changed. What `hash` covers is specified in docs/formats/audit.md. */
  readonly audit_entries: {
    /** From 1, without gaps. */
    seq: number;
    /** Id of the event in the outbox. */
    event: number;
    at_ms: number;
    kind: string;
    subject: string;
    /** JSON objects. */
    data: string;
    act: string | null;
    /** Out of the act, to be found by. */
    who: string | null;
    organisation: string | null;
    prev: string;
    hash: string;
  };
  /** Of the outbox; only read here. */
  readonly events: {
    id: number;
    kind: string;
    subject: string;
    data: string;
    act: string | null;
    audited: number;
    recorded_at_ms: number;
  };
};
