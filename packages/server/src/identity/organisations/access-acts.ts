import { AssayError, type PackageName } from "@assay/core";
import type { Principal } from "../principal.ts";
import type { AccessChange } from "./access-changes.ts";
import {
  isWhole,
  type Level,
  type Organisations,
  type PackageSettings,
  type Role,
  type TeamRow,
} from "./organisations.ts";
import type { Asking, Permitted, Sent } from "./routes-asking.ts";

/**
 * What people change of organisations and of access to packages, whoever sends it, a client or a form: first whether they
 * may, then whether they just confirmed it, then done, or waiting for those who must approve it. Throws what these throw:
 * UNAUTHORIZED, NOT_FOUND, FORBIDDEN, OTP_REQUIRED, NEEDS_APPROVAL, and what the change itself throws.
 */
export interface AccessActs {
  /** Who sends it and may read a package that lives here. What may not be read and what is not there is NOT_FOUND alike. */
  reader(sent: Sent, name: PackageName): Promise<Principal>;
  setMember(sent: Sent, organisation: string, person: string, role: Role): Promise<void>;
  /** Whoever wants to leave may. */
  removeMember(sent: Sent, organisation: string, person: string): Promise<void>;
  createTeam(sent: Sent, team: TeamRow, description: string): Promise<void>;
  removeTeam(sent: Sent, team: TeamRow): Promise<void>;
  addToTeam(sent: Sent, team: TeamRow, person: string): Promise<void>;
  removeFromTeam(sent: Sent, team: TeamRow, person: string): Promise<void>;
  /** Undefined takes the access away. */
  grant(sent: Sent, team: TeamRow, name: PackageName, level: Level | undefined): Promise<void>;
  changeOwner(sent: Sent, name: PackageName, kind: "add" | "remove", person: string): Promise<void>;
  configure(sent: Sent, name: PackageName, settings: PackageSettings): Promise<void>;
}

export function createAccessActs(asking: Asking, organisations: Organisations): AccessActs {
  const { may, mayWith, confirm, change } = asking;
  const ofOrganisation = (name: string) => ({ kind: "organisation", name }) as const;
  const administers = (sent: Sent, organisation: string): Promise<Permitted> =>
    may(sent, "administer", ofOrganisation(organisation));

  /** What is an administrator's to do. */
  async function administer(sent: Sent, organisation: string, what: string, wanted: AccessChange): Promise<void> {
    const principal = await administers(sent, organisation);
    await confirm(sent, principal, what);
    await change(sent, principal, wanted);
  }

  return {
    reader: (sent, name) => mayWith(sent, "read", name),

    setMember: (sent, organisation, person, role) =>
      administer(sent, organisation, `make ${person} ${role} of ${organisation}`, {
        do: "set-member",
        organisation,
        person,
        role,
      }),

    async removeMember(sent, organisation, person) {
      const reader = await may(sent, "read", ofOrganisation(organisation));
      if (reader.id !== `person:${person}` || !isWhole(reader)) {
        const what = `take ${person} out of ${organisation}`;
        return await administer(sent, organisation, what, { do: "remove-member", organisation, person });
      }
      await confirm(sent, reader, `leave ${organisation}`);
      await organisations.removeMember(reader.by, organisation, person);
    },

    async createTeam(sent, team, description) {
      const principal = await administers(sent, team.organisation);
      await confirm(sent, principal, `make the team ${nameOf(team)}`);
      await organisations.createTeam(principal.by, team, description);
    },

    removeTeam: (sent, team) =>
      administer(sent, team.organisation, `remove the team ${nameOf(team)}`, { do: "remove-team", team }),

    addToTeam: (sent, team, person) =>
      administer(sent, team.organisation, `add ${person} to the team ${nameOf(team)}`, {
        do: "add-to-team",
        team,
        person,
      }),

    removeFromTeam: (sent, team, person) =>
      administer(sent, team.organisation, `remove ${person} from the team ${nameOf(team)}`, {
        do: "remove-from-team",
        team,
        person,
      }),

    async grant(sent, team, name, level) {
      const principal = await mayWith(sent, "own", name);
      // Who owns a package need not be in its organisation, and then learns nothing of teams, there or elsewhere.
      await may(sent, "read", ofOrganisation(team.organisation));
      const what = level === undefined ? "take from" : `give (${level})`;
      await confirm(sent, principal, `${what} the team ${nameOf(team)}: ${name}`, name);
      await change(sent, principal, { do: "grant", team, name, level: level ?? "none" });
    },

    async changeOwner(sent, name, kind, person) {
      const principal = await mayWith(sent, "own", name);
      await confirm(sent, principal, `make ${person} ${kind === "add" ? "an" : "no"} owner of ${name}`, name);
      await change(sent, principal, { do: "change-owners", name, change: { kind, person } });
    },

    async configure(sent, name, settings) {
      const principal = await mayWith(sent, "configure", name);
      await confirm(sent, principal, `change the access to ${name}`, name);
      await change(sent, principal, { do: "configure", name, settings });
    },
  };
}

const nameOf = ({ organisation, team }: TeamRow): string => `${organisation}:${team}`;

/** A role by its word. Throws BAD_REQUEST. */
export function roleOf(text: string): Role {
  if (text === "owner" || text === "admin" || text === "developer") return text;
  throw new AssayError("BAD_REQUEST", { reason: "role must be owner or admin or developer" });
}

/** Undefined: none. Throws BAD_REQUEST. */
export function levelOf(text: string): Level | undefined {
  if (text === "none") return undefined;
  if (text === "read" || text === "write") return text;
  throw new AssayError("BAD_REQUEST", { reason: "the access of a team is read, write or none" });
}
