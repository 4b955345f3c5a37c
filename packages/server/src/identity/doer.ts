/** Who changes something, and by which permission. */
import type { Act } from "../platform/events/events.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Action } from "./permissions/permissions.ts";
import type { Principal } from "./principal.ts";

/** Passed to whatever changes something: what events and the audit trail keep of it. */
export interface Doer {
  /** `Principal.id`; `registry` for what the registry does by itself, `terminal` for who sits at its machine. */
  readonly id: string;
  /** Of the client; empty when it came from none. */
  readonly address: string;
  /** What was asked of the permissions, and the policy that allowed it; empty when nothing was. */
  readonly action: Action | "";
  readonly policy: string;
  /** The transaction of an approval: the change is made inside it. Undefined: in one of its own. */
  readonly within?: Transaction | undefined;
}

export function doerOf(
  { id, address }: Pick<Principal, "id" | "address">,
  action: Doer["action"] = "",
  policy = "",
): Doer {
  return { id, address, action, policy };
}

/** What the audit trail keeps besides what was done. `organisation`: whose trail shows it besides the registry's. */
export function actOf({ id, address, action, policy }: Doer, organisation?: string): Act {
  return { who: id, address, action, policy, result: "done", organisation };
}

/** Who changes an account or a token: where only the id is known, as of who sits at the machine, that. */
export type By = string | Doer;

export function idOf(by: By): string {
  return typeof by === "string" ? by : by.id;
}

export function actBy(by: By): Act {
  return typeof by === "string" ? actOf({ id: by, address: "", action: "", policy: "" }) : actOf(by);
}

/** In the transaction that `by` brings, else in one of its own. */
export function writeBy<T>(database: Database, by: By, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  const within = typeof by === "string" ? undefined : by.within;
  return within === undefined ? database.write(work) : work(within);
}

/** The same doer, whose change is part of this transaction. */
export function within(by: By, transaction: Transaction): Doer {
  const doer = typeof by === "string" ? doerOf({ id: by, address: "" }) : by;
  return { ...doer, within: transaction };
}
