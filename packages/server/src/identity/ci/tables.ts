/** The tables of `ci/`; made by `migrations.ts`, touched by nobody else. Times are epoch milliseconds. */
export type Tables = {
  readonly trust_rules: {
    /** A UUID. */
    id: string;
    /** `package` or `organisation`. */
    subject_kind: string;
    subject: string;
    /** Name of the configured issuer. */
    issuer: string;
    /** What stands in `iss` of its tokens. */
    issuer_url: string;
    kind: string;
    /** JSON. */
    claims: string;
    /** JSON list. */
    permissions: string;
    /** JSON; null: nobody used it yet. */
    pins: string | null;
    created_at_ms: number;
    /** Id of the principal. */
    created_by: string;
    used_at_ms: number | null;
  };
  /** Identity tokens that were exchanged, until they can be shown no more. */
  readonly used_id_tokens: {
    /** SHA-256, hex, of what makes the token unique. */
    digest: string;
    usable_until_ms: number;
  };
  /** Packages and organisations that are published by trusted CI alone. */
  readonly trusted_publishers_only: {
    subject_kind: string;
    subject: string;
    set_at_ms: number;
    set_by: string;
  };
};
