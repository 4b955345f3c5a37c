import { AssayError, type PackageName } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { HostedNames, HostedPackage } from "../names/names.ts";
import { putSettings } from "../names/store.ts";
import type { Account, Accounts } from "../people/accounts.ts";
import type { CiFacts, PermissionFacts } from "../permissions/facts.ts";
import { doerOf, type Doer } from "../doer.ts";
import { createChange, type ChangeEvent } from "./change.ts";
import type { Principal } from "../principal.ts";
import { createHands } from "./hands.ts";
import { hindrancesOf, keepOwned, writeOwners, type OwnersChange } from "./owners.ts";
import * as store from "./store.ts";
import type { Level, Role, TeamRow } from "./store.ts";

export type { OwnersChange } from "./owners.ts";
export type { Level, Role, TeamRow } from "./store.ts";

/** The team that npm has in every organisation: new packages are given to it. */
export const developers = "developers";

/**
 * Organisations, their members and teams, and who may do what with packages. Whether a principal may is not asked
 * here; `by` is who changes it, for the events, and may bring the transaction to change it in. What is not there is NOT_FOUND.
 */
export interface Organisations {
  /** Throws CONFLICT for a name that is taken or alike, FORBIDDEN where one may not. */
  create(principal: Principal, name: string): Promise<void>;
  /** Makes a person's own organisation when they publish below their name for the first time, where people may. */
  ensurePersonal(principal: Principal, name: PackageName): Promise<void>;
  members(organisation: string): Promise<ReadonlyMap<string, Role>>;
  /** Where somebody belongs, in the order of the names. */
  organisationsOf(person: string): Promise<readonly { readonly name: string; readonly role: Role }[]>;
  /** Answers how many members there are now. Throws CONFLICT for the last owner, and for a bot that would administer. */
  setMember(by: Doer, organisation: string, person: string, role: Role): Promise<number>;
  /** Throws CONFLICT for the last owner, and for who leaves and alone owns a package, which it names. */
  removeMember(by: Doer, organisation: string, person: string): Promise<void>;
  teams(organisation: string): Promise<readonly string[]>;
  createTeam(by: Doer, team: TeamRow, description: string): Promise<void>;
  removeTeam(by: Doer, team: TeamRow): Promise<void>;
  teamMembers(team: TeamRow): Promise<readonly string[]>;
  addTeamMember(by: Doer, team: TeamRow, person: string): Promise<void>;
  removeTeamMember(by: Doer, team: TeamRow, person: string): Promise<void>;
  teamPackages(team: TeamRow): Promise<ReadonlyMap<PackageName, Level>>;
  /** Undefined takes the access away. */
  grant(by: Doer, team: TeamRow, name: PackageName, level: Level | undefined): Promise<void>;
  owners(name: PackageName): Promise<readonly string[]>;
  /**
   * Reads who owns it, and writes who shall, in one transaction. Answers who does now. Throws CONFLICT when nobody would
   * be left and for a bot, NOT_FOUND for who has no account.
   */
  changeOwners(
    by: Doer,
    name: PackageName,
    change: OwnersChange,
    /** Throws when the change must not be made. */
    check?: (transaction: Transaction) => Promise<void>,
  ): Promise<readonly string[]>;
  /** What teams were given, in the order of their names. */
  grants(name: PackageName): Promise<readonly (TeamRow & { readonly level: Level })[]>;
  collaborators(name: PackageName): Promise<ReadonlyMap<string, Level>>;
  configure(by: Doer, name: PackageName, settings: PackageSettings): Promise<void>;
  facts(ci: (rule: string) => Promise<CiFacts | undefined>): PermissionFacts;
}

export type PackageSettings = Partial<
  Pick<HostedPackage, "visibility" | "publishRequiresTfa" | "automationOverridesTfa">
>;

export interface OrganisationsDeps {
  readonly database: Database;
  readonly events: Events;
  readonly clock: Clock;
  readonly names: HostedNames;
  readonly accounts: Accounts;
  /** A package's document says who owns it: in the transaction that changes it, and after the commit. */
  readonly documents: {
    readonly touch: (transaction: Transaction, name: PackageName) => Promise<void>;
    readonly changed: (name: PackageName) => void;
  };
  /** Whether packages of a scope are known from an upstream. */
  readonly isScopeKnown: (scope: string) => Promise<boolean>;
  /** Whether an upstream may have packages of a scope that nobody here asked for yet, and strangers make accounts. */
  readonly needsAdmin: (scope: string) => boolean;
}

/** What is remembered of accounts in decisions is this old at most. */
const accountsMs = 3000;

export function createOrganisations(
  deps: OrganisationsDeps,
  { mayCreate }: { readonly mayCreate: "people" | "admins" },
): Organisations {
  const { database, events, clock, names, accounts } = deps;

  const generation = (): string => `${names.generation()} ${Math.floor(clock.monotonicMs() / accountsMs)}`;

  const change = createChange({ database, events, names });

  function requireOrganisation(name: string): void {
    if (names.organisation(name) === undefined) throw new AssayError("NOT_FOUND", { what: `The organisation ${name}` });
  }

  async function requireTeam(transaction: Transaction, { organisation, team }: TeamRow): Promise<void> {
    if (!(await store.readTeams(transaction, organisation)).includes(team))
      throw new AssayError("NOT_FOUND", { what: `The team ${organisation}:${team}` });
  }

  async function requireMember(transaction: Transaction, organisation: string, person: string): Promise<Role> {
    const role = (await store.readMembers(transaction, organisation)).get(person);
    if (role === undefined) throw new AssayError("NOT_FOUND", { what: `${person} as a member of ${organisation}` });
    return role;
  }

  async function requireAccount({ within }: Doer, person: string): Promise<Account> {
    const account = await accounts.find(person, within);
    if (account === undefined) throw new AssayError("NOT_FOUND", { what: `The user ${person}` });
    return account;
  }

  async function keepOneOwner(transaction: Transaction, organisation: string, person: string): Promise<void> {
    const owners = [...(await store.readMembers(transaction, organisation))].filter(([, role]) => role === "owner");
    if (owners.length === 1 && owners[0]?.[0] === person)
      throw new AssayError("CONFLICT", {
        reason: `${person} is the only owner of ${organisation}; make another one first`,
      });
  }

  async function make(principal: Principal, name: string, owner: string, person: string | undefined): Promise<void> {
    const by = doerOf(principal);
    if (!principal.isAdmin && deps.needsAdmin(name))
      throw new AssayError("FORBIDDEN", {
        reason: `an upstream may have packages below @${name}/, so an administrator of the registry makes this organisation`,
      });
    if (await deps.isScopeKnown(name))
      throw new AssayError("CONFLICT", { reason: `packages below @${name}/ are known from an upstream` });
    if (name !== owner && (await accounts.find(name)) !== undefined)
      throw new AssayError("CONFLICT", { reason: `${name} is the name of a user` });
    const subject = `organisation ${name}`;
    const event: ChangeEvent = { kind: "organisation.created", subject, organisation: name, by, data: { owner } };
    await change(event, async (transaction) => {
      await names.found(transaction, { name, person });
      await store.putMember(transaction, name, owner, "owner");
      await store.insertTeam(transaction, { organisation: name, team: developers, description: "Everybody" });
      await store.insertTeamMember(transaction, { organisation: name, team: developers, person: owner });
    });
  }

  function mayMake(principal: Principal): boolean {
    return principal.kind === "person" && (principal.isAdmin || mayCreate === "people") && isWhole(principal);
  }

  const hands = createHands({ read: (person) => store.readHands(database.read, person), generation });

  const room: Organisations = {
    async create(principal, name) {
      if (!mayMake(principal))
        throw new AssayError("FORBIDDEN", { reason: "administrators of the registry make organisations here" });
      if (!/^[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,63}$/.test(name))
        throw new AssayError("BAD_REQUEST", {
          reason: "an organisation's name is 1 to 64 characters of a-z, 0-9, dot, dash and underscore",
        });
      await make(principal, name, principal.name, name === principal.name ? name : undefined);
    },

    async ensurePersonal(principal, name) {
      if (!name.startsWith(`@${principal.name}/`) || names.organisationOf(name) !== undefined) return;
      if (mayCreate !== "people" || principal.kind !== "person" || !isWhole(principal)) return;
      await make(principal, principal.name, principal.name, principal.name);
    },

    async members(organisation) {
      requireOrganisation(organisation);
      return await store.readMembers(database.read, organisation);
    },

    async organisationsOf(person) {
      const all = await store.readMemberships(database.read, person);
      return all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    },

    async setMember(by, organisation, person, role) {
      requireOrganisation(organisation);
      const account = await requireAccount(by, person);
      if (account.kind !== "person" && role !== "developer")
        throw new AssayError("CONFLICT", { reason: `${person} is a bot: it can be a developer, and nothing more` });
      const subject = `organisation ${organisation}`;
      const event: ChangeEvent = { kind: "organisation.member-set", subject, organisation, by, data: { person, role } };
      await change(event, async (transaction) => {
        if (role !== "owner") await keepOneOwner(transaction, organisation, person);
        const isNew = !(await store.readMembers(transaction, organisation)).has(person);
        await store.putMember(transaction, organisation, person, role);
        if (isNew) await store.insertTeamMember(transaction, { organisation, team: developers, person });
      });
      return (await store.readMembers(by.within ?? database.read, organisation)).size;
    },

    async removeMember(by, organisation, person) {
      requireOrganisation(organisation);
      const packages = names.packages(organisation).map(({ name }) => name);
      const subject = `organisation ${organisation}`;
      const after = (): void => {
        for (const name of packages) deps.documents.changed(name);
      };
      const event: ChangeEvent = {
        kind: "organisation.member-removed",
        subject,
        organisation,
        by,
        data: { person },
        after,
      };
      await change(event, async (transaction) => {
        await requireMember(transaction, organisation, person);
        await keepOneOwner(transaction, organisation, person);
        // Whoever takes somebody out must not be held up by them; the organisation administers what is left.
        if (by.id === `person:${person}`) await keepOwned(transaction, packages, person);
        for (const name of packages)
          if ((await store.readOwners(transaction, name)).includes(person))
            await deps.documents.touch(transaction, name);
        await store.deleteMember(transaction, organisation, person, packages);
      });
    },

    async teams(organisation) {
      requireOrganisation(organisation);
      return await store.readTeams(database.read, organisation);
    },

    async createTeam(by, { organisation, team }, description) {
      requireOrganisation(organisation);
      if (!/^[^\p{Cc}\p{Cs}]{0,500}$/u.test(description))
        throw badRequest("a team's description is up to 500 characters, without control characters");
      if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(team))
        throw badRequest("a team's name is 1 to 64 characters of a-z, 0-9, dot, dash and underscore");
      const event: ChangeEvent = { kind: "team.created", subject: `team ${organisation}:${team}`, organisation, by };
      await change(event, async (transaction) => {
        if (!(await store.insertTeam(transaction, { organisation, team, description })))
          throw new AssayError("CONFLICT", { reason: `the team ${organisation}:${team} exists already` });
      });
    },

    async removeTeam(by, team) {
      if (team.team === developers)
        throw new AssayError("CONFLICT", { reason: `every organisation has the team ${developers}` });
      const { organisation } = team;
      await change({ kind: "team.removed", subject: teamText(team), organisation, by }, async (transaction) => {
        await requireTeam(transaction, team);
        await store.deleteTeam(transaction, team);
      });
    },

    async teamMembers(team) {
      if (!(await store.readTeams(database.read, team.organisation)).includes(team.team))
        throw new AssayError("NOT_FOUND", { what: `The team ${team.organisation}:${team.team}` });
      return await store.readTeamMembers(database.read, team);
    },

    async addTeamMember(by, team, person) {
      const { organisation } = team;
      const event: ChangeEvent = {
        kind: "team.member-added",
        subject: teamText(team),
        organisation,
        by,
        data: { person },
      };
      await change(event, async (transaction) => {
        await requireTeam(transaction, team);
        await requireMember(transaction, team.organisation, person);
        await store.insertTeamMember(transaction, { ...team, person });
      });
    },

    async removeTeamMember(by, team, person) {
      const { organisation } = team;
      const event: ChangeEvent = {
        kind: "team.member-removed",
        subject: teamText(team),
        organisation,
        by,
        data: { person },
      };
      await change(event, async (transaction) => {
        await requireTeam(transaction, team);
        await store.deleteTeamMember(transaction, { ...team, person });
      });
    },

    async teamPackages(team) {
      await room.teamMembers(team);
      return await store.readTeamGrants(database.read, team);
    },

    async grant(by, team, name, level) {
      const event: ChangeEvent = {
        kind: "package.granted",
        subject: `npm ${name}`,
        organisation: team.organisation,
        by,
        data: { team: teamText(team), level: level ?? "none" },
      };
      await change(event, async (transaction) => {
        // A team reaches the packages of its own organisation only; of other teams nothing is told.
        if (names.find(name)?.organisation !== team.organisation) missing(name);
        await requireTeam(transaction, team);
        if (level === undefined) await store.deleteGrant(transaction, team, name);
        else await store.putGrant(transaction, team, name, level);
      });
    },

    owners: (name) => store.readOwners(database.read, name),

    async changeOwners(by, name, wanted, check) {
      const { organisation } = names.find(name) ?? missing(name);
      const hindrances = await hindrancesOf(accounts, wanted, by.within);
      let after: readonly string[] = [];
      const changed = (): void => deps.documents.changed(name);
      const event: ChangeEvent = {
        kind: "package.owners-set",
        subject: `npm ${name}`,
        organisation,
        by,
        after: changed,
      };
      await change(event, async (transaction) => {
        await check?.(transaction);
        after = await writeOwners(transaction, name, wanted, hindrances);
        await deps.documents.touch(transaction, name);
        return { owners: after.join(" ") };
      });
      return after;
    },

    async grants(name) {
      const all = await store.readGrants(database.read, name);
      return all.toSorted((a, b) => (a.team < b.team ? -1 : 1));
    },

    async collaborators(name) {
      const found = new Map<string, Level>();
      for (const { level, ...team } of await store.readGrants(database.read, name))
        for (const person of await store.readTeamMembers(database.read, team))
          if (found.get(person) !== "write") found.set(person, level);
      for (const person of await store.readOwners(database.read, name)) found.set(person, "write");
      return found;
    },

    async configure(by, name, settings) {
      const { organisation } = names.find(name) ?? missing(name);
      const said = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
      const data = { settings: said.join(" ") };
      const event: ChangeEvent = { kind: "package.configured", subject: `npm ${name}`, organisation, by, data };
      await change(event, (transaction) => putSettings(transaction, name, settings));
    },

    facts: (ci) => ({
      generation,
      async holder(kind, name) {
        const account = await accounts.find(name);
        if (account?.kind !== kind || account.state !== "active") return { organisations: [], teams: [] };
        const [organisations, teams] = await Promise.all([
          store.readMemberships(database.read, name),
          store.readTeamsOf(database.read, name),
        ]);
        return { organisations, teams };
      },
      async package(name) {
        const [owners, grants] = await Promise.all([
          store.readOwners(database.read, name),
          store.readGrants(database.read, name),
        ]);
        const teamsWith = (wanted: Level) => grants.filter(({ level }) => level === wanted);
        return { owners, readers: teamsWith("read"), writers: teamsWith("write") };
      },
      handIn: (person) => hands.get(person),
      ci,
    }),
  };
  return room;
}

/** Whether it may all that its holder may: a token that was made for some things makes and leaves no organisations. */
export function isWhole({ grant }: Principal): boolean {
  return (
    grant === undefined ||
    (grant.level === "read-write" && grant.packages === undefined && grant.organisations === undefined)
  );
}

function teamText({ organisation, team }: TeamRow): string {
  return `team ${organisation}:${team}`;
}

function missing(name: PackageName): never {
  throw new AssayError("NOT_FOUND", { what: `The package ${name}` });
}

const badRequest = (reason: string): AssayError => new AssayError("BAD_REQUEST", { reason });
