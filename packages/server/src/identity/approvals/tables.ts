/** Times are epoch milliseconds. */
export type ApprovalTables = {
  readonly approvals: {
    id: string;
    kind: string;
    subject: string;
    summary: string;
    /** Of the exact operation. */
    digest: string;
    /** JSON, for whoever carries it out. */
    payload: string;
    /** JSON of the resource on which `approve` is asked. */
    resource: string;
    organisation: string | null;
    /** Id of the principal, and its name for people. */
    requester: string;
    requester_name: string;
    needed: number;
    /** JSON of the names among whom approvers are; null: the policies alone say. */
    approvers: string | null;
    /** `waiting`, `done`, `rejected` or `expired`. */
    state: string;
    requested_at_ms: number;
    expires_at_ms: number;
    decided_at_ms: number | null;
  };
  readonly approval_votes: {
    approval: string;
    voter: string;
    voter_name: string;
    /** `approve` or `reject`. */
    verdict: string;
    reason: string;
    at_ms: number;
    /** How and from where it came (`Principal`); null: it is older than these columns. */
    via: string | null;
    address: string | null;
  };
};
