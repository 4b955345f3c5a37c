import { isAssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Reader, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { ActKind } from "../../platform/events/kinds.ts";
import type { Random } from "../../platform/random.ts";
import { actOf, within, type Doer } from "../doer.ts";
import type { EndAccess } from "../end-access.ts";
import type { Accounts } from "../people/accounts.ts";
import { readAccount, type Account } from "../people/store.ts";
import { newId } from "../sign-in/secrets.ts";
import type { Memberships } from "./memberships.ts";
import type { Paging } from "./messages.ts";
import { badValue, ScimRefusal } from "./scim-refusal.ts";
import {
  putScimUser,
  readByAccount,
  readByExternalId,
  readScimUser,
  readScimUsers,
  type ScimUser,
  type ScimUserRow,
  type UserFilter,
} from "./store.ts";
import { deleteMemberships } from "./store-groups.ts";
import type { UserChange } from "./user-document.ts";

export type ShownUser = ScimUser & { readonly account: Account };

/**
 * People as their provider manages them. Each change is one transaction with its events. Throws `ScimRefusal`: 404 for
 * who is not there, 403 for an account that is not the provider's to change, 409 `uniqueness`, 400.
 */
export interface ScimUsers {
  list(
    filter: UserFilter | undefined,
    paging: Paging,
  ): Promise<{ readonly users: readonly ShownUser[]; readonly total: number }>;
  find(id: string): Promise<ShownUser>;
  /** A new account, or that of who has signed in through the provider already, or of whom the provider deleted. */
  make(by: Doer, wanted: UserChange & { readonly userName: string }): Promise<ShownUser>;
  /** Who is not active any more is out when this returns: disabled, sessions over, tokens revoked. */
  change(by: Doer, id: string, change: UserChange): Promise<ShownUser>;
  /** As not active, and in no group any more; the provider may make the same person again. */
  remove(by: Doer, id: string): Promise<void>;
}

export interface ScimUsersDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly accounts: Accounts;
  readonly endAccess: EndAccess;
  readonly memberships: Pick<Memberships, "settle">;
  /** Account of who has signed in through the provider, by what stands in their ID token. */
  readonly signedIn: (reader: Reader, externalId: string) => Promise<string | undefined>;
}

export function createScimUsers(deps: ScimUsersDeps, { issuer }: { readonly issuer: string }): ScimUsers {
  const { database, events, clock, random, accounts, endAccess } = deps;

  async function required(reader: Reader, id: string): Promise<ScimUserRow> {
    const row = await readScimUser(reader, issuer, id);
    if (row === undefined) throw new ScimRefusal(404, `There is no user ${id}.`);
    return row;
  }

  async function shown(reader: Reader, user: ScimUserRow): Promise<ShownUser> {
    const known = await readAccount(reader, user.account);
    if (known === undefined) throw new ScimRefusal(404, `There is no user ${user.id}.`);
    return { user, account: known.account };
  }

  /** What was made here with a password, and who administers the registry, is not the provider's to change. */
  async function requireOurs(transaction: Transaction, name: string): Promise<Account> {
    const known = await readAccount(transaction, name);
    const why =
      known?.account.kind !== "person"
        ? "is no person's"
        : known.account.isAdmin
          ? "administers the registry"
          : known.password !== undefined
            ? "has a password here"
            : undefined;
    if (known === undefined || why !== undefined)
      throw new ScimRefusal(403, `The account ${name} ${why ?? "is gone"}: only an administrator changes it.`);
    return known.account;
  }

  /** Whether a provider let them in no more, and nobody here. */
  function isByProvider({ disabledBy }: Account): boolean {
    return disabledBy === `provider:${issuer}` || disabledBy?.startsWith("scim:") === true;
  }

  async function setActive(by: Doer, account: Account, active: boolean): Promise<void> {
    if (active === (account.state === "active")) {
      // The provider's own look-after forgives who comes back; SCIM says when here.
      if (!active && account.disabledBy === `provider:${issuer}`) await endAccess.disable(by, account.name);
      return;
    }
    if (!active) await endAccess.disable(by, account.name);
    else if (isByProvider(account)) await accounts.setState(by, account.name, "active");
    else throw new ScimRefusal(403, `Somebody here disabled the account ${account.name}: only they let it in again.`);
  }

  async function requireFreeName(transaction: Transaction, userName: string, id: string): Promise<void> {
    const filter = { attribute: "userName", value: userName } as const;
    const { rows } = await readScimUsers(transaction, issuer, filter, { startIndex: 1, count: 1 });
    if (rows.some((row) => row.id !== id)) throw taken(`The userName ${userName}`);
  }

  async function write(by: Doer, before: ScimUserRow, change: UserChange): Promise<void> {
    const { within: transaction } = by;
    if (transaction === undefined) throw new Error("a user is written in a transaction");
    if (change.externalId !== undefined && change.externalId !== before.external_id)
      throw new ScimRefusal(400, "externalId says who this is, and stays.", "mutability");
    const account = await requireOurs(transaction, before.account);
    const userName = change.userName ?? before.user_name;
    if (userName !== before.user_name) await requireFreeName(transaction, userName, before.id);
    const { fullName, email } = change;
    const profile = {
      ...(fullName !== undefined && fullName !== (account.fullName ?? "") && { fullName }),
      ...(email !== undefined && email !== (account.email ?? "") && { email }),
    };
    if (Object.keys(profile).length > 0) await accounts.setProfile(by, account.name, profile);
    if (change.active !== undefined) await setActive(by, account, change.active);
    const named = { user_name: userName, user_name_key: userName.toLowerCase() };
    await putScimUser(transaction, { ...before, ...named, changed_at_ms: clock.now() });
    if (userName !== before.user_name) await note(by, "scim.user-renamed", account.name, { userName });
  }

  async function note(by: Doer, kind: ActKind, account: string, data: Readonly<Record<string, string>>): Promise<void> {
    if (by.within === undefined) return;
    const subject = `person:${account}`;
    await events.record(by.within, { kind, subject, data: { by: by.id, ...data }, act: actOf(by) });
  }

  /** One change in one transaction; what rooms below refuse is told as SCIM tells it. */
  async function whole<T>(by: Doer, work: (transaction: Transaction, by: Doer) => Promise<T>): Promise<T> {
    try {
      return await database.write((transaction) => work(transaction, within(by, transaction)));
    } catch (error) {
      if (isAssayError(error, "BAD_REQUEST")) throw badValue(error.message);
      if (isAssayError(error, "CONFLICT")) throw new ScimRefusal(409, error.message, "uniqueness");
      throw error;
    }
  }

  return {
    async list(filter, paging) {
      const { rows, total } = await readScimUsers(database.read, issuer, filter, paging);
      return { users: await Promise.all(rows.map((row) => shown(database.read, row))), total };
    },

    find: async (id) => shown(database.read, await required(database.read, id)),

    async make(by, wanted) {
      const { userName, externalId } = wanted;
      if (externalId === undefined)
        throw badValue("externalId is needed: it is what the provider's ID tokens say of the same person.");
      const id = newId(random);
      return await whole(by, async (transaction, inside) => {
        const known = await readByExternalId(transaction, issuer, externalId);
        if (known?.is_deleted === 0) throw taken(`The externalId ${externalId}`);
        await requireFreeName(transaction, userName, id);
        const name = known?.account ?? (await deps.signedIn(transaction, externalId));
        if (known === undefined && name !== undefined && (await readByAccount(transaction, name)) !== undefined)
          throw taken(`The account of ${externalId}`);
        const account = name ?? (await created(inside, transaction, userName));
        const now = clock.now();
        const row: ScimUserRow = {
          id: known?.id ?? id,
          issuer,
          external_id: externalId,
          user_name: userName,
          user_name_key: userName.toLowerCase(),
          account,
          is_deleted: 0,
          created_at_ms: known?.created_at_ms ?? now,
          changed_at_ms: now,
        };
        await putScimUser(transaction, row);
        await note(inside, "scim.user-made", account, { userName, externalId });
        await write(inside, row, { active: true, ...wanted });
        return await shown(transaction, row);
      });
    },

    change: (by, id, change) =>
      whole(by, async (transaction, inside) => {
        await write(inside, await required(transaction, id), change);
        return await shown(transaction, await required(transaction, id));
      }),

    async remove(by, id) {
      const gone = await whole(by, async (transaction, inside) => {
        const row = await required(transaction, id);
        await setActive(inside, await requireOurs(transaction, row.account), false);
        await putScimUser(transaction, { ...row, is_deleted: 1, changed_at_ms: clock.now() });
        await deleteMemberships(transaction, id);
        await note(inside, "scim.user-deleted", row.account, {});
        return row;
      });
      await deps.memberships.settle(by, [gone]);
    },
  };

  /** Never somebody's who is here: a name that is taken is refused. */
  async function created(by: Doer, transaction: Transaction, userName: string): Promise<string> {
    const name = (userName.split("@")[0] ?? "").toLowerCase();
    const make = await accounts.prepare(by, { name, kind: "person", password: undefined });
    return (await make(transaction)).name;
  }
}

function taken(what: string): ScimRefusal {
  return new ScimRefusal(409, `${what} is taken.`, "uniqueness");
}
