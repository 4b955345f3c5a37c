import type { FastifyInstance } from "fastify";
import {
  bodyLimit,
  organisationIn,
  teamIn,
  textIn,
  type Asked,
  type Asking,
  type Named,
  type Permitted,
} from "./routes-asking.ts";
import { roleOf, type AccessActs } from "./access-acts.ts";
import type { Organisations } from "./organisations.ts";

/** Making organisations, `npm org` and `npm team`. */
export function addOrganisationRoutes(
  fastify: FastifyInstance,
  { may, known, confirm }: Asking,
  acts: AccessActs,
  organisations: Organisations,
): void {
  const reads = (request: Asked): Promise<Permitted> => may(request, "read", organisationIn(request));

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
    const user = textIn(request, "user");
    const role = roleOf(textIn(request, "role", "developer"));
    await acts.setMember(request, org, user, role);
    const { size } = await organisations.members(org);
    // npm's client breaks without `org`.
    return reply.code(201).send({ org: { name: org, size }, user, role });
  });

  fastify.delete<Named>("/-/org/:org/user", { bodyLimit }, async (request, reply) => {
    await acts.removeMember(request, request.params.org, textIn(request, "user"));
    return reply.code(204).send();
  });

  fastify.get<Named>("/-/org/:org/team", async (request) => {
    await reads(request);
    const { org } = request.params;
    return (await organisations.teams(org)).map((team) => `${org}:${team}`);
  });

  fastify.put<Named>("/-/org/:org/team", { bodyLimit }, async (request, reply) => {
    const name = textIn(request, "name");
    const team = { organisation: request.params.org, team: name };
    await acts.createTeam(request, team, textIn(request, "description", ""));
    return reply.code(201).send({ name });
  });

  // The OpenAPI description has teams below `/-/org/`, npm's client below `/-/team/`.
  for (const base of ["/-/team/:org/:team", "/-/org/:org/:team"] as const) {
    fastify.delete<Named>(base, async (request, reply) => {
      await acts.removeTeam(request, teamIn(request));
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
          const act = verb === "add" ? acts.addToTeam : acts.removeFromTeam;
          await act(request, teamIn(request), textIn(request, "user"));
          return reply.code(code).send(verb === "add" ? {} : undefined);
        },
      });
  }
}
