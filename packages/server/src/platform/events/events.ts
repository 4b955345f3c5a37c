import type { Transaction } from "../database/database.ts";
import type { ActKind, EitherKind, OwnKind } from "./kinds.ts";

/**
 * The outbox: business and audit events, written in the transaction that makes them true.
 * Only `insight` reads it.
 */
export interface Events {
  record(transaction: Transaction, event: NewEvent): Promise<void>;
}

/** Its kind stands in `kinds.ts`; what somebody did says who did it. */
export type NewEvent = Told &
  (
    | { readonly kind: ActKind; readonly act: Act }
    | { readonly kind: OwnKind; readonly act?: undefined }
    | { readonly kind: EitherKind; readonly act: Act | undefined }
  );

interface Told {
  /** What it is about: `npm vite@8.0.1`. */
  readonly subject: string;
  /** Small and public-safe: no tokens, no personal data. */
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
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

/** Of who sits at the registry's machine: no client, and no permission is asked for. */
export const actOfTerminal: Act = { who: "terminal", address: "", action: "", policy: "", result: "done" };
