import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Doer } from "../doer.ts";
import { filterIn, lists, root, send, type ById } from "./routes-answers.ts";
import { listDocument, pagingIn, parsePatch, userSchema } from "./messages.ts";
import { parseUser, parseUserPatch, userDocument } from "./user-document.ts";
import type { ScimUsers } from "./users.ts";

const bodyLimit = 256 * 1024;
const filtered = { schema: userSchema, attributes: ["userName", "externalId", "id"] } as const;

/** `/Users`. */
export function addUserRoutes(
  fastify: FastifyInstance,
  { users, by }: { readonly users: ScimUsers; readonly by: (request: FastifyRequest) => Doer },
): void {
  fastify.get<ById>(`${root}/Users`, lists, async ({ query, base }, reply) => {
    const paging = pagingIn(query);
    const { users: found, total } = await users.list(filterIn(query, filtered), paging);
    const resources = found.map((user) => userDocument(user, base));
    return send(reply, 200, listDocument(resources, total, paging));
  });

  fastify.get<ById>(`${root}/Users/:id`, async ({ params, base }, reply) =>
    send(reply, 200, userDocument(await users.find(params.id), base)),
  );

  fastify.post(`${root}/Users`, { bodyLimit }, async (request, reply) => {
    const made = await users.make(by(request), parseUser(request.body));
    void reply.header("location", `${request.base}${root}/Users/${made.user.id}`);
    return send(reply, 201, userDocument(made, request.base));
  });

  fastify.put<ById>(`${root}/Users/:id`, { bodyLimit }, async (request, reply) => {
    const user = await users.change(by(request), request.params.id, parseUser(request.body));
    return send(reply, 200, userDocument(user, request.base));
  });

  fastify.patch<ById>(`${root}/Users/:id`, { bodyLimit }, async (request, reply) => {
    const user = await users.change(by(request), request.params.id, parseUserPatch(parsePatch(request.body)));
    return send(reply, 200, userDocument(user, request.base));
  });

  fastify.delete<ById>(`${root}/Users/:id`, { bodyLimit }, async (request, reply) => {
    await users.remove(by(request), request.params.id);
    return reply.code(204).send();
  });
}
