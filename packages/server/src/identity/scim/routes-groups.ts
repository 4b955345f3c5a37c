import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Doer } from "../doer.ts";
import { filterIn, lists, root, send, type ById } from "./routes-answers.ts";
import { groupDocument, parseGroup, parseGroupPatch } from "./group-document.ts";
import type { ScimGroups } from "./groups.ts";
import { groupSchema, listDocument, pagingIn, parsePatch, type Fields } from "./messages.ts";

/** Some 20,000 members. */
const bodyLimit = 2 * 1024 * 1024;
const filtered = { schema: groupSchema, attributes: ["displayName", "externalId", "id"] } as const;

/** `/Groups`. Providers ask for large ones with `excludedAttributes=members`; a patch is answered without a body. */
export function addGroupRoutes(
  fastify: FastifyInstance,
  { groups, by }: { readonly groups: ScimGroups; readonly by: (request: FastifyRequest) => Doer },
): void {
  fastify.get<ById>(`${root}/Groups`, lists, async ({ query, base }, reply) => {
    const paging = pagingIn(query);
    const { groups: found, total } = await groups.list(filterIn(query, filtered), paging, wantsMembers(query));
    const resources = found.map((group) => groupDocument(group, base));
    return send(reply, 200, listDocument(resources, total, paging));
  });

  fastify.get<ById>(`${root}/Groups/:id`, async ({ params, query, base }, reply) =>
    send(reply, 200, groupDocument(await groups.find(params.id, wantsMembers(query)), base)),
  );

  fastify.post(`${root}/Groups`, { bodyLimit }, async (request, reply) => {
    const made = await groups.make(by(request), parseGroup(request.body));
    void reply.header("location", `${request.base}${root}/Groups/${made.group.id}`);
    return send(reply, 201, groupDocument(made, request.base));
  });

  fastify.put<ById>(`${root}/Groups/:id`, { bodyLimit }, async (request, reply) => {
    const { id } = request.params;
    await groups.change(by(request), id, parseGroup(request.body));
    return send(reply, 200, groupDocument(await groups.find(id, true), request.base));
  });

  fastify.patch<ById>(`${root}/Groups/:id`, { bodyLimit }, async (request, reply) => {
    await groups.change(by(request), request.params.id, parseGroupPatch(parsePatch(request.body)));
    return reply.code(204).send();
  });

  fastify.delete<ById>(`${root}/Groups/:id`, { bodyLimit }, async (request, reply) => {
    await groups.remove(by(request), request.params.id);
    return reply.code(204).send();
  });
}

function wantsMembers({ excludedAttributes }: Fields): boolean {
  const names = typeof excludedAttributes === "string" ? excludedAttributes.toLowerCase().split(",") : [];
  return !names.some((name) => name.trim() === "members");
}
