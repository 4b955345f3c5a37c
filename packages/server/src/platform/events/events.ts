import type { Transaction } from "../database/database.ts";

/**
 * The outbox: business and audit events, written in the transaction that makes them true.
 * Only `insight` reads it.
 */
export interface Events {
  record(transaction: Transaction, event: NewEvent): Promise<void>;
}

export interface NewEvent {
  /** Dotted, past tense: `release.bound`, `upstream.conflict`, `version.gone`. */
  readonly kind: string;
  /** What it is about: `npm vite@8.0.1`. */
  readonly subject: string;
  /** Small and public-safe: no tokens, no personal data. */
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
  /** Who did it, for the audit trail; undefined: the registry itself. */
  readonly act?: Act | undefined;
}

/** What the audit trail keeps of an act besides what was done. */
export interface Act {
  /** Id of the principal: `person:ada`. */
  readonly who: string;
  /** Of the client; empty when it came from no client. */
  readonly address: string;
  /** The permission that was asked for, and the policy that decided; empty when none was. */
  readonly action: string;
  readonly policy: string;
  readonly result: "done" | "refused";
  /** Whose trail shows it besides the registry's. */
  readonly organisation?: string | undefined;
}
