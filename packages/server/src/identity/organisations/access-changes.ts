/** Changes of who may do what, as values: so that they can wait for approval. */
import type { PackageName } from "@assay/core";
import type { ApprovalHandler } from "../approvals/approvals.ts";
import type { ManualOperation } from "../approvals/gate.ts";
import type { Doer } from "../doer.ts";
import type { HostedNames } from "../names/names.ts";
import type { Organisations, PackageSettings } from "./organisations.ts";
import type { OwnersChange } from "./owners.ts";
import type { Level, Role, TeamRow } from "./store.ts";

export type AccessChange =
  | { readonly do: "set-member"; readonly organisation: string; readonly person: string; readonly role: Role }
  | { readonly do: "remove-member"; readonly organisation: string; readonly person: string }
  | { readonly do: "remove-team"; readonly team: TeamRow }
  | { readonly do: "add-to-team"; readonly team: TeamRow; readonly person: string }
  | { readonly do: "remove-from-team"; readonly team: TeamRow; readonly person: string }
  | { readonly do: "grant"; readonly team: TeamRow; readonly name: PackageName; readonly level: Level | "none" }
  | { readonly do: "change-owners"; readonly name: PackageName; readonly change: OwnersChange }
  | { readonly do: "configure"; readonly name: PackageName; readonly settings: PackageSettings };

/** Which handler carries it out. */
export const accessKind = "access";

/** Throws what the organisation's room throws. */
export async function carryOutAccess(rooms: Organisations, by: Doer, change: AccessChange): Promise<void> {
  switch (change.do) {
    case "set-member":
      return void (await rooms.setMember(by, change.organisation, change.person, change.role));
    case "remove-member":
      return await rooms.removeMember(by, change.organisation, change.person);
    case "remove-team":
      return await rooms.removeTeam(by, change.team);
    case "add-to-team":
      return await rooms.addTeamMember(by, change.team, change.person);
    case "remove-from-team":
      return await rooms.removeTeamMember(by, change.team, change.person);
    case "grant":
      return await rooms.grant(by, change.team, change.name, change.level === "none" ? undefined : change.level);
    case "change-owners":
      return void (await rooms.changeOwners(by, change.name, change.change));
    case "configure":
      return await rooms.configure(by, change.name, change.settings);
  }
}

/** As it waits for approval. */
export function accessOperation(
  {
    organisations,
    names,
  }: { readonly organisations: Organisations; readonly names: Pick<HostedNames, "organisationOf"> },
  by: Doer,
  change: AccessChange,
): ManualOperation {
  const name = "name" in change ? change.name : undefined;
  const organisation =
    name === undefined
      ? "team" in change
        ? change.team.organisation
        : (change as { organisation: string }).organisation
      : names.organisationOf(name);
  return {
    operation: "owner",
    kind: accessKind,
    subject: name === undefined ? `organisation ${organisation ?? ""}` : `npm ${name}`,
    summary: inWords(change),
    resource: name === undefined ? { kind: "organisation", name: organisation ?? "" } : { kind: "package", name },
    organisation,
    payload: change,
    rehearse: (within) => carryOutAccess(organisations, { ...by, within }, change),
  };
}

/** What carries out changes that were approved. */
export function accessHandler(organisations: Organisations, names: Pick<HostedNames, "changed">): ApprovalHandler {
  return {
    async execute(within, { approval, payload, approver }) {
      const by = {
        id: approval.requester,
        address: approver.address,
        action: "approve",
        policy: "approved",
        within,
      } as const;
      await carryOutAccess(organisations, by, payload as AccessChange);
    },
    after: () => names.changed(),
    isPointless: (payload) => isPointless(organisations, payload as AccessChange),
    drop: async () => {},
  };
}

/** Whether the team, or who would be taken out, is there no more. */
async function isPointless(organisations: Organisations, change: AccessChange): Promise<boolean> {
  if (change.do === "remove-member") return !(await organisations.members(change.organisation)).has(change.person);
  if (!("team" in change)) return false;
  const { organisation, team } = change.team;
  if (!(await organisations.teams(organisation)).includes(team)) return true;
  return change.do === "remove-from-team" && !(await organisations.teamMembers(change.team)).includes(change.person);
}

const teamText = ({ organisation, team }: TeamRow): string => `the team ${organisation}:${team}`;

function ownersInWords(name: PackageName, change: OwnersChange): string {
  switch (change.kind) {
    case "add":
      return `make ${change.person} an owner of ${name}`;
    case "remove":
      return `make ${change.person} no owner of ${name} any more`;
    case "replace":
      return `make ${change.people.join(", ")} the owners of ${name}`;
  }
}

function inWords(change: AccessChange): string {
  switch (change.do) {
    case "set-member":
      return `make ${change.person} ${change.role} of ${change.organisation}`;
    case "remove-member":
      return `remove ${change.person} from ${change.organisation}`;
    case "remove-team":
      return `remove ${teamText(change.team)}`;
    case "add-to-team":
      return `add ${change.person} to ${teamText(change.team)}`;
    case "remove-from-team":
      return `remove ${change.person} from ${teamText(change.team)}`;
    case "grant":
      return change.level === "none"
        ? `take ${change.name} from ${teamText(change.team)}`
        : `give ${teamText(change.team)} ${change.level} access to ${change.name}`;
    case "change-owners":
      return ownersInWords(change.name, change.change);
    case "configure":
      return `set ${Object.entries(change.settings)
        .map(([key, value]) => `${key} to ${String(value)}`)
        .join(", ")} for ${change.name}`;
  }
}
