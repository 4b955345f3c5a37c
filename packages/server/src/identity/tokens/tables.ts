/** Tokens; touched by `tokens/` alone, which reads the state of accounts besides. Times are epoch milliseconds. */
export type TokenTables = {
  readonly access_tokens: {
    /** Public. */
    key: string;
    /** SHA-256 of the token, hex. */
    hash: string;
    /** As it may be shown. */
    redacted: string;
    /** Id of the principal: `person:ada`, `bot:renovate`, `ci:…`. */
    holder: string;
    /** As clients are shown the holder. */
    holder_name: string;
    /** `login`, `made` or `exchanged`. */
    origin: string;
    name: string;
    description: string | null;
    level: string;
    /** JSON arrays; null: any. */
    packages: string | null;
    organisations: string | null;
    cidrs: string | null;
    created_at_ms: number;
    expires_at_ms: number | null;
    used_at_ms: number | null;
    used_from: string | null;
    revoked_at_ms: number | null;
  };
  /** Of `people/`, read only. */
  readonly accounts: { name: string; kind: string; state: string; is_admin: number };
};
