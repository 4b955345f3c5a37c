import type { Database } from "../platform/database/database.ts";
import { within, writeBy, type By } from "./doer.ts";
import type { Accounts } from "./people/accounts.ts";
import type { Sessions } from "./sign-in/sessions.ts";
import type { Tokens } from "./tokens/tokens.ts";

/** Ends what lets somebody in; each in one transaction, that of `by` if it brings one. */
export interface EndAccess {
  /**
   * Ends the sessions of an account and revokes its tokens; with `keepMade` only those by which clients are signed in.
   * Answers how many tokens.
   */
  signOut(by: By, name: string, which?: { readonly keepMade: boolean }): Promise<number>;
  /** Disables an account and signs it out. Throws as `Accounts.setState`. */
  disable(by: By, name: string): Promise<number>;
}

export function createEndAccess({
  database,
  accounts,
  tokens,
  sessions,
}: {
  readonly database: Database;
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly sessions: Sessions;
}): EndAccess {
  const room: EndAccess = {
    signOut: (by, name, { keepMade } = { keepMade: false }) =>
      writeBy(database, by, async (transaction) => {
        await sessions.revokeAll(transaction, name);
        const kind = (await accounts.find(name, transaction))?.kind ?? "person";
        const holder = `${kind}:${name}`;
        const inside = within(by, transaction);
        return keepMade ? await tokens.revokeLogins(inside, holder, undefined) : await tokens.revokeAll(inside, holder);
      }),
    disable: (by, name) =>
      writeBy(database, by, async (transaction) => {
        const inside = within(by, transaction);
        await accounts.setState(inside, name, "disabled");
        return await room.signOut(inside, name);
      }),
  };
  return room;
}
