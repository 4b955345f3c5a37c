/** The tables of this room; made by `migrations.ts`, touched by nobody else. Times are epoch milliseconds. */
export type Tables = {
  /** The newest statement of each package that it moved, and what became of it. */
  readonly delegations: {
    name: string;
    /** `found`, `asking`, `active` or `refused`. */
    state: string;
    version: string;
    integrity: string;
    signer: string;
    from_alias: string;
    from_url: string;
    to_url: string;
    /** Why it is not in force yet, for people; null when nothing is in its way. */
    problem: string | null;
    found_at_ms: number;
    decided_at_ms: number | null;
  };
  /** Names that live elsewhere by now. */
  readonly delegated_names: { name: string; alias: string };
};
