/** The tables of this room; made by `migrations.ts`, touched by nobody else. */
export type Tables = {
  /** Which versions of a package something that is allowed depends on: a range or a tag. */
  readonly closure_ranges: { name: string; range: string };
  /** Up to where a package's dependencies were read. */
  readonly closure_walked: {
    name: string;
    /** sha256 hex of the listing; empty when its registry has none. */
    digest: string;
    /** How many ranges were followed; -1: every version. */
    ranges: number;
  };
};
