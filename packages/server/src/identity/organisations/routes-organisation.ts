import type { FastifyInstance } from "fastify";
import {
  bodyLimit,
  organisationIn,
  teamIn,
  textIn,
  wordIn,
  type Asked,
  type Asking,
  type Named,
  type Permitted,
} from "./routes-asking.ts";
import { isWhole, type Organisations, type Role } from "./organisations.ts";

/** Making organisations, `npm org` and `npm team`. */
export function addOrganisationRoutes(
  fastify: FastifyInstance,
  { may, known, confirm, change }: Asking,
  organisations: Organisations,
): void {
  const reads = (request: Asked): Promise<Permitted> => may(request, "read", organisationIn(request));

  const administers = (request: Asked): Promise<Permitted> => may(request, "administer", organisationIn(request));

  fastify.post<Named>("/-/assay/v1/organisations", { bodyLimit }, async (request, reply) => {
    const principal = await known(request);
    const name = textIn(request, "name");
    await confirm(request, principal, `make the organisation ${name}`);
    await organisations.create(principal, name);
    return reply.code(201).send({ name });
  });

  fastify.get<Named>("/-/org/:org/user", async (request) => {
    await reads(request);
    return Object.fromEntries(await organisations.members(request.params.org));
  });

  fastify.put<Named>("/-/org/:org/user", { bodyLimit }, async (request, reply) => {
    const { org } = request.params;
    const principal = await administers(request);
    const user = textIn(request, "user");
    const role = wordIn(request, "role", ["owner", "admin", "developer"], "developer") as Role;
    await confirm(request, principal, `make ${user} ${role} of ${org}`);
    await change(request, principal, { do: "set-member", organisation: org, person: user, role });
    const { size } = await organisations.members(org);
    // npm's client breaks without `org`.
    return reply.code(201).send({ org: { name: org, size }, user, role });
  });

  fastify.delete<Named>("/-/org/:org/user", { bodyLimit }, async (request, reply) => {
    const { org } = request.params;
    const user = textIn(request, "user");
    const reader = await may(request, "read", organisationIn(request));
    // Whoever wants to leave may.
    const isLeaving = reader.id === `person:${user}` && isWhole(reader);
    const principal = isLeaving ? reader : await administers(request);
    await confirm(request, principal, isLeaving ? `leave ${org}` : `take ${user} out of ${org}`);
    if (isLeaving) await organisations.removeMember(principal.by, org, user);
    else await change(request, principal, { do: "remove-member", organisation: org, person: user });
    return reply.code(204).send();
  });

  fastify.get<Named>("/-/org/:org/team", async (request) => {
    await reads(request);
    const { org } = request.params;
    return (await organisations.teams(org)).map((team) => `${org}:${team}`);
  });

  fastify.put<Named>("/-/org/:org/team", { bodyLimit }, async (request, reply) => {
    const { org } = request.params;
    const principal = await administers(request);
    const name = textIn(request, "name");
    await confirm(request, principal, `make the team ${org}:${name}`);
    await organisations.createTeam(principal.by, { organisation: org, team: name }, textIn(request, "description", ""));
    return reply.code(201).send({ name });
  });

  // The OpenAPI description has teams below `/-/org/`, npm's client below `/-/team/`.
  for (const base of ["/-/team/:org/:team", "/-/org/:org/:team"] as const) {
    fastify.delete<Named>(base, async (request, reply) => {
      const team = teamIn(request);
      const principal = await administers(request);
      await confirm(request, principal, `remove the team ${team.organisation}:${team.team}`);
      await change(request, principal, { do: "remove-team", team });
      return reply.code(204).send();
    });
    fastify.get<Named>(`${base}/user`, async (request) => {
      await reads(request);
      return await organisations.teamMembers(teamIn(request));
    });
    for (const [method, code, verb] of [
      ["PUT", 201, "add"],
      ["DELETE", 204, "remove"],
    ] as const)
      fastify.route<Named>({
        method,
        url: `${base}/user`,
        bodyLimit,
        handler: async (request, reply) => {
          const team = teamIn(request);
          const principal = await administers(request);
          const user = textIn(request, "user");
          const to = verb === "add" ? "to" : "from";
          await confirm(request, principal, `${verb} ${user} ${to} the team ${team.organisation}:${team.team}`);
          const what = verb === "add" ? "add-to-team" : "remove-from-team";
          await change(request, principal, { do: what, team, person: user });
          return reply.code(code).send(verb === "add" ? {} : undefined);
        },
      });
  }
}
