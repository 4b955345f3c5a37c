/** The tables of this room; made by `migrations.ts`, touched by nobody else. Times are epoch milliseconds. */
export type Tables = {
  /** Every key that a registry, or we, ever published for its signatures. Rows are never removed. */
  readonly registry_keys: {
    /** Alias of the upstream, or `hosted` for our own. */
    owner: string;
    keyid: string;
    /** Base64 of SubjectPublicKeyInfo. */
    spki: string;
    first_seen_ms: number;
    /** As the owner says. */
    expires_at_ms: number | null;
    /** Since when its owner does not list it; null while it does. */
    gone_at_ms: number | null;
    /** When a person ended it, for good; of our own keys by rotation. */
    retired_at_ms: number | null;
    /** 1: its keyid stands for another key. Neither trusted nor listed. */
    refused: number;
    /** Rises over all rows with every change, so that other processes see it. */
    revision: number;
  };
  /** Our signatures of bound releases: made once, the same on every node. */
  readonly release_signatures: {
    /** Log id of the namespace: `npm`. */
    ns: string;
    name: string;
    version: string;
    integrity: string;
    keyid: string;
    /** Base64 of DER. */
    sig: string;
    signed_at_ms: number;
  };
};
