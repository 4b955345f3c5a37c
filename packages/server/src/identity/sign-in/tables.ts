/**
 * How people show who they are, after their password: sessions, second factors, web logins, step-ups. Touched by
 * `sign-in/` alone. Times are epoch milliseconds; secrets are stored as SHA-256, or sealed where they must be read.
 */
export type SignInTables = {
  readonly sessions: {
    /** SHA-256 of what the cookie holds, hex. */
    digest: string;
    /** Public: for lists and for ending it. */
    id: string;
    account: string;
    /** 0: the password was right and a second factor is still to come. */
    is_complete: number;
    created_at_ms: number;
    seen_at_ms: number;
    expires_at_ms: number;
    stepped_up_at_ms: number | null;
    /** What a security key is to sign next; good once. */
    challenge: string | null;
    address: string;
    agent: string;
    /** Id of the provider link that it came by. */
    link: string | null;
  };
  readonly web_logins: {
    /** SHA-256 of the secret in `doneUrl`, hex. */
    digest: string;
    /** In `loginUrl`. */
    id: string;
    /** What terminal and page both show. */
    code: string;
    /** `waiting`, `confirmed` or `refused`; who was given its token is deleted. */
    state: string;
    account: string | null;
    created_at_ms: number;
    expires_at_ms: number;
    address: string;
    agent: string;
  };
  readonly totp_factors: {
    account: string;
    /** Sealed. */
    secret: string;
    /** 0: it was shown and no code was typed yet. */
    is_confirmed: number;
    /** Highest time step of which a code was taken: none at or below it is taken again. */
    last_step: number;
    created_at_ms: number;
  };
  readonly passkeys: {
    /** Base64url. */
    id: string;
    account: string;
    /** COSE, base64url. */
    public_key: string;
    counter: number;
    label: string;
    created_at_ms: number;
    used_at_ms: number | null;
  };
  readonly recovery_codes: { digest: string; account: string };
  /** `all`: also what a token does needs a second factor; `sign-in`: only signing in. */
  readonly factor_modes: { account: string; mode: string };
  /** Somebody at a provider, by its issuer and `sub`: never by an e-mail address. */
  readonly provider_links: {
    id: string;
    issuer: string;
    subject: string;
    account: string;
    /** Sealed. */
    refresh_token: string;
    /** `here`, or `left`: the provider said so, and the account was disabled. */
    state: string;
    checked_at_ms: number;
    /** What SCIM calls them: the claim `identity.provider.scimClaim`. Null until they sign in again. */
    external_id: string | null;
  };
  /** Who was sent to the provider and has not come back. */
  readonly provider_flows: {
    /** SHA-256 of `state`, hex. */
    digest: string;
    /** SHA-256 of what binds it to a browser, hex. */
    browser: string;
    next: string;
    /** Who was signed in, and links the account. */
    account: string | null;
    expires_at_ms: number;
  };
  readonly step_ups: {
    /** SHA-256 of the secret in `doneUrl`, or of a one-time password that was taken; hex. */
    digest: string;
    /** In `authUrl`; null for a one-time password. */
    id: string | null;
    account: string;
    /** Token or session that asked: nobody else may use it. */
    credential: string;
    /** SHA-256 of the operation, hex. */
    operation: string;
    /** The operation in words. */
    what: string;
    /** `waiting`, `confirmed` or `refused`. */
    state: string;
    uses_left: number;
    created_at_ms: number;
    expires_at_ms: number;
    address: string;
  };
};
