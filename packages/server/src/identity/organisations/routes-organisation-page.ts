import { AssayError, parsePackageName } from "@assay/core";
import { renderOrganisation, renderOrganisations, type ShownTeam, type ShownUse } from "@assay/web";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Form } from "../../http/form.ts";
import type { Random } from "../../platform/random.ts";
import type { Identity } from "../identity.ts";
import type { Principal } from "../principal.ts";
import { ownForm, sendForms, settle, toSignIn, visitOf, type Visit } from "../sign-in/routes-visit.ts";
import { levelOf, roleOf, type AccessActs } from "./access-acts.ts";
import { developers, type Organisations } from "./organisations.ts";
import type { Asking, Sent } from "./routes-asking.ts";

export interface OrganisationPagesDeps {
  readonly identity: Pick<Identity, "accounts" | "names" | "permissions"> & {
    readonly signIn: Pick<Identity["signIn"], "sessions">;
  };
  readonly organisations: Organisations;
  readonly random: Random;
  /** What an organisation has of what it may have, in words. */
  readonly usage: (organisation: string) => Promise<readonly ShownUse[]>;
}

interface Named {
  readonly Params: { readonly org: string };
}

const mine = "/-/web/organisations";
const path = `${mine}/:org`;
const hereOf = (org: string): string => `${mine}/${encodeURIComponent(org)}`;
/** Rows that a page shows of one list; clients list the rest. */
const mostShown = 500;

/** `/-/web/organisations`: where the reader belongs; below it each, for its members, with the forms of who administers it. */
export function addOrganisationPages(
  fastify: FastifyInstance,
  deps: OrganisationPagesDeps,
  { may }: Pick<Asking, "may">,
  acts: AccessActs,
): void {
  const { identity, organisations, random } = deps;
  const visits = { sessions: identity.signIn.sessions, accounts: identity.accounts, random };

  fastify.get(mine, async (request, reply) => {
    const visit = await visitOf(visits, request, reply);
    if (visit.session === undefined) return toSignIn(reply, visit.base, mine);
    const all = await organisations.organisationsOf(visit.session.account);
    return sendForms(reply, renderOrganisations({ ...visit, organisations: all }));
  });

  fastify.get<Named>(path, async (request, reply) => {
    const { org } = request.params;
    const visit = await visitOf(visits, request, reply);
    if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(org));
    return await show(reply, visit, request, org);
  });

  fastify.post<Named>(path, { config: { body: "form" } }, async (request, reply) => {
    const { org } = request.params;
    const visit = await visitOf(visits, request, reply);
    const form = ownForm(request, visit);
    if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(org));
    const act = async (): Promise<string> => {
      await carryOut(acts, request, org, form);
      return form.text("do") === "leave" ? mine : hereOf(org);
    };
    return await settle(reply, visit, hereOf(org), act, (again, problem) => show(again, visit, request, org, problem));
  });

  async function show(
    reply: FastifyReply,
    visit: Visit,
    sent: Sent,
    organisation: string,
    problem?: string,
  ): Promise<FastifyReply> {
    const resource = { kind: "organisation", name: organisation } as const;
    const principal = await may(sent, "read", resource);
    const members = [...(await organisations.members(organisation))];
    const packages = identity.names.packages(organisation);
    const readable = new Set(
      await identity.permissions.readable(
        principal,
        packages.map(({ name }) => name),
      ),
    );
    const shown = packages.filter(({ name }) => readable.has(name));
    const page = {
      ...visit,
      organisation,
      members: members.map(([name, role]) => ({ name, role })),
      teams: await teamsOf(organisation, readable),
      packages: shown.slice(0, mostShown),
      packagesLeft: Math.max(0, shown.length - mostShown),
      usage: await deps.usage(organisation),
      administers: (await identity.permissions.decide(principal, "administer", resource)).allowed,
      isMember: isMember(principal, members),
      problem,
    };
    return sendForms(reply, renderOrganisation(page));
  }

  async function teamsOf(organisation: string, readable: ReadonlySet<string>): Promise<readonly ShownTeam[]> {
    const teams: ShownTeam[] = [];
    for (const team of await organisations.teams(organisation)) {
      const row = { organisation, team };
      const grants = [...(await organisations.teamPackages(row))].filter(([name]) => readable.has(name));
      teams.push({
        name: team,
        isOfEverybody: team === developers,
        members: await organisations.teamMembers(row),
        grants: grants.slice(0, mostShown).map(([name, level]) => ({ name, level })),
        grantsLeft: Math.max(0, grants.length - mostShown),
      });
    }
    return teams;
  }
}

function isMember({ name }: Pick<Principal, "name">, members: readonly (readonly [string, unknown])[]): boolean {
  return members.some(([member]) => member === name);
}

/** What a form of the page wants. Throws BAD_REQUEST, and what the acts throw. */
function carryOut(acts: AccessActs, sent: Sent, organisation: string, form: Form): Promise<void> {
  const team = { organisation, team: form.text("team").trim() };
  const person = form.text("person").trim().replace(/^[@~]/, "");
  switch (form.text("do")) {
    case "set-member":
      return acts.setMember(sent, organisation, person, roleOf(form.text("role")));
    case "remove-member":
    case "leave":
      return acts.removeMember(sent, organisation, person);
    case "create-team":
      return acts.createTeam(sent, team, form.text("description"));
    case "remove-team":
      return acts.removeTeam(sent, team);
    case "add-to-team":
      return acts.addToTeam(sent, team, person);
    case "remove-from-team":
      return acts.removeFromTeam(sent, team, person);
    case "grant":
      return acts.grant(sent, team, parsePackageName(form.text("package").trim()), levelOf(form.text("level")));
    default:
      throw new AssayError("BAD_REQUEST", { reason: "the form does not say what to do" });
  }
}
