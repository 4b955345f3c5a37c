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
}
