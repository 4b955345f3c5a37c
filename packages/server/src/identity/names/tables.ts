/** The names that live here; touched by `names/` alone. Times are epoch milliseconds, rows are never deleted. */
export type NameTables = {
  readonly organisations: {
    name: string;
    /** What looks like it has the same. */
    skeleton: string;
    /** The person whose own organisation it is; null: of no one person. */
    person: string | null;
    created_at_ms: number;
    /** Of the change that made the row what it is. */
    generation: number;
  };
  readonly hosted_packages: {
    name: string;
    organisation: string;
    skeleton: string;
    /** `public` or `restricted`. */
    visibility: string;
    /** 0 or 1. */
    publish_requires_tfa: number;
    /** 0 or 1. */
    automation_overrides_tfa: number;
    made_at_ms: number;
    generation: number;
  };
  /** One row: the newest change of names, or of who may do what with them. */
  readonly hosted_generation: { id: number; generation: number };
};
