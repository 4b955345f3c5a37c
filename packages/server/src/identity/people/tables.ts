/** People and bots; touched by `people/` alone. Times are epoch milliseconds. */
export type PeopleTables = {
  readonly accounts: {
    name: string;
    /** `person` or `bot`. */
    kind: string;
    /** `active` or `disabled`. */
    state: string;
    /** Principal that disabled it; null while it is active. */
    disabled_by: string | null;
    /** 0 or 1. */
    is_admin: number;
    email: string | null;
    full_name: string | null;
    /** The person who answers for a bot. */
    operator: string | null;
    /** A PHC string; null: signs in otherwise, or not at all. */
    password: string | null;
    created_at_ms: number;
  };
  /** Links by which accounts are made; gone once they are used. */
  readonly invitations: { hash: string; kind: string; is_admin: number; made_by: string; expires_at_ms: number };
  /** Links by which people set a new password; gone once they are used. `hash`: SHA-256 of the secret, hex. */
  readonly password_resets: { hash: string; account: string; made_by: string; expires_at_ms: number };
  /** Wrong passwords of late; `subject` is a user name, or a user name and a block of addresses. */
  readonly password_failures: { subject: string; failures: number; last_at_ms: number };
};
