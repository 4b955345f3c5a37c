import type { EpochMs, NamePattern } from "@assay/core";

/** Who asks, decided once from a request's credentials. */
export interface Principal {
  readonly kind: "anonymous" | "person" | "bot" | "ci";
  /** `anonymous`, `person:ada`, `bot:renovate`, `ci:<id of the trust rule>`. Stands in policies and in the audit trail. */
  readonly id: string;
  /** As clients are shown it: the user name; of CI `github:acme/widgets`; empty for anonymous. */
  readonly name: string;
  /** A person who administers the registry. What its grant takes away it may not do all the same. */
  readonly isAdmin: boolean;
  /** How it proved who it is. */
  readonly via: "nothing" | "password" | "session" | "token";
  /** The most that its token is good for; undefined: all that its holder may. */
  readonly grant: Grant | undefined;
  /**
   * When its holder last gave a second factor for this session, or who has none the password; undefined: not within the
   * last ten minutes.
   */
  readonly steppedUpAtMs: EpochMs | undefined;
  /** Of the client. */
  readonly address: string;
}

/** What a token was made for. A grant only ever takes away from what its holder may. */
export interface Grant {
  /** Public id of the token, never the secret. */
  readonly tokenId: string;
  readonly level: "read-only" | "read-write" | "stage-only";
  /** Only these packages; undefined: any. */
  readonly packages: readonly NamePattern[] | undefined;
  /** Only these organisations' settings; undefined: any, or with `packages` none. */
  readonly organisations: readonly string[] | undefined;
  readonly expiresAtMs: EpochMs | undefined;
}

/** Whoever shows nothing. */
export function anonymous(address: string): Principal {
  return {
    kind: "anonymous",
    id: "anonymous",
    name: "",
    isAdmin: false,
    via: "nothing",
    grant: undefined,
    steppedUpAtMs: undefined,
    address,
  };
}
