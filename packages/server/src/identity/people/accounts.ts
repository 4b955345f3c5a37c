import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Reader, Transaction } from "../../platform/database/database.ts";
import { actBy, idOf, writeBy, type By } from "../doer.ts";
import type { Events } from "../../platform/events/events.ts";
import type { ActKind } from "../../platform/events/kinds.ts";
import { readOrganisation } from "../names/store.ts";
import type { PasswordGuard } from "./password-guard.ts";
import { requireGoodPassword, type Passwords } from "./passwords.ts";
import {
  countAdmins,
  insertAccount,
  readAccount,
  readAccounts,
  updateAccount,
  type Account,
  type AccountChange,
} from "./store.ts";
import { isUserName, parseEmail, requireNewUserName } from "./user-name.ts";

export type { Account } from "./store.ts";

export interface NewAccount {
  readonly name: string;
  readonly kind: "person" | "bot";
  /** Undefined: of a bot; of who signs in at a provider. */
  readonly password: string | undefined;
  readonly email?: string | undefined;
  readonly fullName?: string | undefined;
  readonly isAdmin?: boolean;
  /** Of a bot. */
  readonly operator?: string | undefined;
}

/**
 * People and bots. `by` is the principal who acts, for the events; what it changes is changed in the transaction that it
 * brings.
 */
export interface Accounts {
  /** `reader`: the transaction that the caller is in. */
  find(name: string, reader?: Reader): Promise<Account | undefined>;
  list(): Promise<readonly Account[]>;
  /** True while nobody administers the registry. */
  isWithoutAdmin(): Promise<boolean>;
  /** Throws CONFLICT for a name that is taken, BAD_REQUEST for a name, an e-mail address or a password that may not be. */
  create(by: By, account: NewAccount): Promise<Account>;
  /** The same in two halves: what is slow first, then the writing in a transaction of the caller's. */
  prepare(by: By, account: NewAccount): Promise<(transaction: Transaction) => Promise<Account>>;
  /**
   * The active person with this password. Throws UNAUTHORIZED, the same and after the same work whether the name, the
   * password or the state is wrong, and TOO_MANY_REQUESTS for who guesses.
   */
  checkPassword(name: string, password: string, address: string): Promise<Account>;
  /** Throws NOT_FOUND, or BAD_REQUEST for a password that may not be, or for a bot. */
  setPassword(by: By, name: string, password: string): Promise<void>;
  setProfile(by: By, name: string, profile: { readonly email?: string; readonly fullName?: string }): Promise<void>;
  /** Disables or enables. Throws NOT_FOUND, and CONFLICT for the last administrator and for an account that stands otherwise by then. */
  setState(by: By, name: string, state: Account["state"], stands?: (account: Account) => boolean): Promise<void>;
  /** Throws NOT_FOUND, BAD_REQUEST for a bot, CONFLICT for the last administrator. */
  setAdmin(by: By, name: string, isAdmin: boolean): Promise<void>;
}

export interface AccountsDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly guard: PasswordGuard;
  /** Called when something changed that what is remembered of a principal may depend on. */
  readonly changed: () => void;
}

export function createAccounts(deps: AccountsDeps): Accounts {
  const { database, events, clock, passwords, guard, changed } = deps;

  /** One change with its event. */
  async function change(
    { kind, by, name }: { readonly kind: ActKind; readonly by: By; readonly name: string },
    set: AccountChange,
    check: (account: Account, transaction: Transaction) => Promise<void> | void = () => {},
  ): Promise<void> {
    await writeBy(database, by, async (transaction) => {
      transaction.afterCommit(changed);
      const known = await readAccount(transaction, name);
      if (known === undefined) throw new AssayError("NOT_FOUND", { what: `The account ${name}` });
      await check(known.account, transaction);
      await updateAccount(transaction, name, set);
      await events.record(transaction, {
        kind,
        subject: `${known.account.kind}:${name}`,
        data: { by: idOf(by) },
        act: actBy(by),
      });
    });
    changed();
  }

  async function keepOneAdmin(account: Account, transaction: Transaction): Promise<void> {
    if (account.isAdmin && account.state === "active" && (await countAdmins(transaction)) === 1)
      throw new AssayError("CONFLICT", {
        reason: `${account.name} is the only administrator; make another one first`,
      });
  }

  const accounts: Accounts = {
    find: async (name, reader = database.read) =>
      isUserName(name) ? (await readAccount(reader, name))?.account : undefined,
    list: () => readAccounts(database.read),
    isWithoutAdmin: async () => (await countAdmins(database.read)) === 0,

    async create(by, account) {
      const write = await accounts.prepare(by, account);
      return await database.write(write);
    },

    async prepare(by, wanted) {
      const { name, kind, password } = wanted;
      requireNewUserName(name);
      if (password !== undefined) requireGoodPassword(password, name);
      const account: Account = {
        name,
        kind,
        state: "active",
        disabledBy: undefined,
        isAdmin: kind === "person" && wanted.isAdmin === true,
        email: parseEmail(wanted.email ?? ""),
        fullName: wanted.fullName,
        operator: kind === "bot" ? wanted.operator : undefined,
        createdAtMs: clock.now(),
      };
      const hash = kind === "bot" || password === undefined ? undefined : await passwords.hash(password);
      return async (transaction) => {
        // People and organisations have one namespace: the scope is whoever's the name is.
        if ((await readOrganisation(transaction, name)) !== undefined)
          throw new AssayError("CONFLICT", { reason: `the user name ${name} is taken` });
        if (!(await insertAccount(transaction, account, hash)))
          throw new AssayError("CONFLICT", { reason: `the user name ${name} is taken` });
        await events.record(transaction, {
          kind: "account.created",
          subject: `${kind}:${name}`,
          data: { by: idOf(by), isAdmin: account.isAdmin, operator: account.operator ?? null },
          act: actBy(by),
        });
        return account;
      };
    },

    async checkPassword(name, password, address) {
      // What cannot be a name is counted under one: it may be anything, a password typed into the wrong field too.
      const counted = isUserName(name) ? name : "?";
      await guard.admit(counted, address);
      const known = counted === "?" ? undefined : await readAccount(database.read, counted);
      const usable = known?.account.state === "active" && known.account.kind === "person" ? known : undefined;
      const answer = await passwords.check(password, usable?.password);
      if (usable === undefined || answer === "wrong") {
        await database.write(async (transaction) => {
          await guard.failed(transaction, counted, address);
          const subject = known === undefined ? "person:?" : `${known.account.kind}:${counted}`;
          await events.record(transaction, {
            kind: "sign-in.refused",
            subject,
            data: { why: "password" },
            act: { who: subject, address, action: "", policy: "", result: "refused" },
          });
        });
        throw new AssayError("UNAUTHORIZED", { reason: "the user name or the password is wrong" });
      }
      await guard.succeeded(counted, address);
      if (answer === "outdated") {
        const hash = await passwords.hash(password);
        await database.write((transaction) => updateAccount(transaction, counted, { password: hash }));
      }
      return usable.account;
    },

    async setPassword(by, name, password) {
      requireGoodPassword(password, name);
      const hash = await passwords.hash(password);
      await change({ kind: "account.password-changed", by, name }, { password: hash }, ({ kind }) => {
        if (kind === "bot") throw new AssayError("BAD_REQUEST", { reason: "a bot has no password" });
      });
    },

    async setProfile(by, name, { email, fullName }) {
      const set = {
        ...(email !== undefined && { email: parseEmail(email) ?? null }),
        ...(fullName !== undefined && { full_name: parseFullName(fullName) }),
      };
      if (Object.keys(set).length > 0) await change({ kind: "account.profile-changed", by, name }, set);
    },

    async setState(by, name, state, stands = () => true) {
      const kind = state === "active" ? "account.enabled" : "account.disabled";
      const disabled = { state, disabled_by: state === "disabled" ? idOf(by) : null };
      await change({ kind, by, name }, disabled, async (account, transaction) => {
        if (!stands(account)) throw new AssayError("CONFLICT", { reason: `${name} was changed meanwhile; try again` });
        if (state === "disabled") await keepOneAdmin(account, transaction);
      });
    },

    async setAdmin(by, name, isAdmin) {
      const kind = isAdmin ? "account.made-admin" : "account.unmade-admin";
      await change({ kind, by, name }, { is_admin: isAdmin ? 1 : 0 }, async (account, transaction) => {
        if (account.kind === "bot")
          throw new AssayError("BAD_REQUEST", { reason: "a bot cannot administer the registry" });
        if (!isAdmin) await keepOneAdmin(account, transaction);
      });
    },
  };
  return accounts;
}

function parseFullName(text: string): string | null {
  const name = text.trim();
  if (name.length > 200 || /\p{Cc}/u.test(name))
    throw new AssayError("BAD_REQUEST", {
      reason: "a full name has at most 200 characters, and no control characters",
    });
  return name === "" ? null : name;
}
