import type { Clock } from "../../platform/clock.ts";
import type { Database, Reader, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { ActKind } from "../../platform/events/kinds.ts";
import type { Random } from "../../platform/random.ts";
import { actOf, type Doer } from "../doer.ts";
import { newId } from "../sign-in/secrets.ts";
import type { GroupChange, MemberStep } from "./group-document.ts";
import type { Memberships } from "./memberships.ts";
import type { Paging } from "./messages.ts";
import { badValue, ScimRefusal } from "./scim-refusal.ts";
import { readScimUser, type ScimUserRow } from "./store.ts";
import {
  addGroupMember,
  deleteGroupMember,
  deleteScimGroup,
  putScimGroup,
  readGroupMembers,
  readScimGroup,
  readScimGroups,
  type GroupFilter,
  type ScimGroupRow,
} from "./store-groups.ts";

export interface ShownGroup {
  readonly group: ScimGroupRow;
  /** Undefined: they were not asked for. */
  readonly members: readonly ScimUserRow[] | undefined;
}

/**
 * Groups as the provider keeps them; where their members belong, `identity.provider.groups` says. Memberships are made
 * what the groups say when a change returns. Throws `ScimRefusal`: 404, 409 `uniqueness`, 400.
 */
export interface ScimGroups {
  list(
    filter: GroupFilter | undefined,
    paging: Paging,
    withMembers: boolean,
  ): Promise<{ readonly groups: readonly ShownGroup[]; readonly total: number }>;
  find(id: string, withMembers: boolean): Promise<ShownGroup>;
  make(by: Doer, wanted: GroupChange & { readonly displayName: string }): Promise<ShownGroup>;
  change(by: Doer, id: string, change: GroupChange): Promise<void>;
  remove(by: Doer, id: string): Promise<void>;
}

export interface ScimGroupsDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly random: Random;
  readonly memberships: Memberships;
}

export function createScimGroups(deps: ScimGroupsDeps, { issuer }: { readonly issuer: string }): ScimGroups {
  const { database, events, clock, random, memberships } = deps;

  async function required(reader: Reader, id: string): Promise<ScimGroupRow> {
    const group = await readScimGroup(reader, issuer, id);
    if (group === undefined) throw new ScimRefusal(404, `There is no group ${id}.`);
    return group;
  }

  async function shown(reader: Reader, group: ScimGroupRow, withMembers: boolean): Promise<ShownGroup> {
    return { group, members: withMembers ? await readGroupMembers(reader, group.id) : undefined };
  }

  async function requireUser(transaction: Transaction, id: string): Promise<ScimUserRow> {
    const user = await readScimUser(transaction, issuer, id);
    if (user === undefined) throw badValue(`There is no user ${id}.`);
    return user;
  }

  /** One after the other; answers whom it was about. Who is not in it is taken out without a word. */
  async function step(transaction: Transaction, groupId: string, members: MemberStep): Promise<readonly ScimUserRow[]> {
    const before = await readGroupMembers(transaction, groupId);
    const out = before.filter(({ id }) => (members.do === "remove") === members.ids.includes(id));
    const gone = members.do === "add" ? [] : out;
    for (const { id } of gone) await deleteGroupMember(transaction, groupId, id);
    const added: ScimUserRow[] = [];
    const there = new Set(before.map(({ id }) => id));
    for (const id of members.do === "remove" ? [] : new Set(members.ids).difference(there)) {
      added.push(await requireUser(transaction, id));
      await addGroupMember(transaction, groupId, id);
    }
    return [...gone, ...added];
  }

  /** Answers whose memberships it is about. */
  async function write(
    transaction: Transaction,
    before: ScimGroupRow,
    { displayName = before.display_name, externalId = before.external_id ?? undefined, members }: GroupChange,
  ): Promise<readonly ScimUserRow[]> {
    const filter = { attribute: "displayName", value: displayName } as const;
    const { rows } = await readScimGroups(transaction, issuer, filter, { startIndex: 1, count: 1 });
    if (rows.some(({ id }) => id !== before.id))
      throw new ScimRefusal(409, `The displayName ${displayName} is taken.`, "uniqueness");
    await putScimGroup(transaction, {
      ...before,
      display_name: displayName,
      display_name_key: displayName.toLowerCase(),
      external_id: externalId ?? null,
      changed_at_ms: clock.now(),
    });
    const about = displayName === before.display_name ? [] : [...(await readGroupMembers(transaction, before.id))];
    for (const each of members) about.push(...(await step(transaction, before.id, each)));
    return about;
  }

  async function note(transaction: Transaction, by: Doer, kind: ActKind, id: string, name: string): Promise<void> {
    const data = { by: by.id, name };
    await events.record(transaction, { kind, subject: `scim-group:${id}`, data, act: actOf(by) });
  }

  return {
    async list(filter, paging, withMembers) {
      const { rows, total } = await readScimGroups(database.read, issuer, filter, paging);
      return { groups: await Promise.all(rows.map((group) => shown(database.read, group, withMembers))), total };
    },

    find: async (id, withMembers) => shown(database.read, await required(database.read, id), withMembers),

    async make(by, wanted) {
      const now = clock.now();
      const { displayName } = wanted;
      const group: ScimGroupRow = {
        id: newId(random),
        issuer,
        display_name: displayName,
        display_name_key: displayName.toLowerCase(),
        external_id: wanted.externalId ?? null,
        created_at_ms: now,
        changed_at_ms: now,
      };
      const about = await database.write(async (transaction) => {
        const people = await write(transaction, group, wanted);
        await note(transaction, by, "scim.group-made", group.id, displayName);
        return people;
      });
      await memberships.settle(by, about);
      return await shown(database.read, group, true);
    },

    async change(by, id, change) {
      const about = await database.write(async (transaction) => {
        const before = await required(transaction, id);
        const people = await write(transaction, before, change);
        await note(transaction, by, "scim.group-changed", id, change.displayName ?? before.display_name);
        return people;
      });
      await memberships.settle(by, about);
    },

    async remove(by, id) {
      const about = await database.write(async (transaction) => {
        const group = await required(transaction, id);
        const people = await readGroupMembers(transaction, id);
        await deleteScimGroup(transaction, id);
        await note(transaction, by, "scim.group-deleted", id, group.display_name);
        return people;
      });
      await memberships.settle(by, about);
    },
  };
}
