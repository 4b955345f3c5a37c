import { AssayError } from "@assay/core";
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../platform/clock.ts";
import { doerOf, type Doer } from "../doer.ts";
import { addressBlock, createRateLimit } from "../limits/limits.ts";
import { describedUser, providerConfig, resourceType, schemaDocument } from "./discovery.ts";
import { parseFilter } from "./filter.ts";
import { listDocument, pagingIn, parsePatch, userSchema, type Fields } from "./messages.ts";
import type { ScimTokens } from "./scim-tokens.ts";
import { errorDocument, ScimRefusal } from "./scim-refusal.ts";
import { parseUser, parseUserPatch, userDocument } from "./user-document.ts";
import type { ScimUsers } from "./users.ts";

export interface ScimRoutesDeps {
  readonly scim: { readonly users: ScimUsers };
  readonly scimTokens: Pick<ScimTokens, "find">;
  readonly clock: Clock;
}

type ById = { readonly Params: { readonly id: string }; readonly Querystring: Fields };

const root = "/-/scim/v2";
const bodyLimit = 256 * 1024;

/** SCIM 2.0 (RFC 7643, RFC 7644) for an identity provider with a token of its own. */
export function scimRoutes(deps: ScimRoutesDeps): FastifyPluginCallback {
  const { users } = deps.scim;
  const guessing = createRateLimit(deps, { burst: 30, perMinute: 10 });
  const asking = createRateLimit(deps, { burst: 300, perMinute: 600 });
  const doers = new WeakMap<FastifyRequest, Doer>();
  const by = (request: FastifyRequest): Doer => doers.get(request) ?? denied();

  /** Before a body is read. */
  async function admit(request: FastifyRequest): Promise<void> {
    const { bearer, address } = request.credentials;
    const key = bearer === undefined ? undefined : await deps.scimTokens.find(bearer);
    if (key === undefined) {
      guessing.take(addressBlock(address));
      denied();
    }
    asking.take(key);
    doers.set(request, doerOf({ id: `scim:${key}`, address }));
  }

  return (fastify, _options, done) => {
    fastify.addHook("onRequest", admit);
    fastify.setErrorHandler((error, _request, reply) => refuse(reply, error));
    addDiscovery(fastify);

    fastify.get<ById>(`${root}/Users`, async ({ query, base }, reply) => {
      const paging = pagingIn(query);
      const { users: found, total } = await users.list(userFilter(query), paging);
      const resources = found.map((user) => userDocument(user, base));
      return send(reply, 200, listDocument(resources, total, paging));
    });

    fastify.get<ById>(`${root}/Users/:id`, async ({ params, base }, reply) =>
      send(reply, 200, userDocument(await users.find(params.id), base)),
    );

    fastify.post(`${root}/Users`, { bodyLimit }, async (request, reply) => {
      const document = userDocument(await users.make(by(request), parseUser(request.body)), request.base);
      const { location } = (document as { readonly meta: { readonly location: string } }).meta;
      return send(reply.header("location", location), 201, document);
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
    done();
  };
}

function addDiscovery(fastify: FastifyInstance): void {
  const described = [describedUser];
  const all = { startIndex: 1 };
  const missing = (what: string): ScimRefusal => new ScimRefusal(404, `There is no ${what}.`);

  fastify.get(`${root}/ServiceProviderConfig`, async ({ base }, reply) => send(reply, 200, providerConfig(base)));
  fastify.get(`${root}/ResourceTypes`, async ({ base }, reply) => {
    const types = described.map((each) => resourceType(each, base));
    return send(reply, 200, listDocument(types, types.length, all));
  });
  fastify.get(`${root}/Schemas`, async ({ base }, reply) => {
    const schemas = described.map((each) => schemaDocument(each, base));
    return send(reply, 200, listDocument(schemas, schemas.length, all));
  });
  fastify.get<ById>(`${root}/ResourceTypes/:id`, async ({ params, base }, reply) => {
    const one = described.find(({ name }) => name === params.id);
    if (one === undefined) throw missing(`resource type ${params.id}`);
    return send(reply, 200, resourceType(one, base));
  });
  fastify.get<ById>(`${root}/Schemas/:id`, async ({ params, base }, reply) => {
    const one = described.find(({ id }) => id === params.id);
    if (one === undefined) throw missing(`schema ${params.id}`);
    return send(reply, 200, schemaDocument(one, base));
  });
}

function userFilter({ filter }: Fields): Parameters<ScimUsers["list"]>[0] {
  return filter === undefined
    ? undefined
    : parseFilter(typeof filter === "string" ? filter : "", {
        schema: userSchema,
        attributes: ["userName", "externalId", "id"],
      });
}

function send(reply: FastifyReply, status: number, document: object): FastifyReply {
  return reply
    .code(status)
    .header("cache-control", "no-store")
    .type("application/scim+json; charset=utf-8")
    .send(JSON.stringify(document));
}

/** What is not ours to word goes to the server's own answers. */
function refuse(reply: FastifyReply, error: unknown): FastifyReply {
  if (error instanceof ScimRefusal)
    return send(reply, error.status, errorDocument(error.status, error.message, error.scimType));
  if (!(error instanceof AssayError) || error.status >= 500) throw error;
  if (error.status === 401) void reply.header("www-authenticate", "Bearer");
  const { retryAfterSeconds } = error.details as { readonly retryAfterSeconds?: number };
  if (retryAfterSeconds !== undefined) void reply.header("retry-after", String(retryAfterSeconds));
  return send(reply, error.status, errorDocument(error.status, error.message, syntaxOf(error)));
}

function syntaxOf({ code }: AssayError): "invalidSyntax" | undefined {
  return code === "BAD_REQUEST" ? "invalidSyntax" : undefined;
}

function denied(): never {
  throw new AssayError("UNAUTHORIZED", { reason: "SCIM needs a token that the operator made for the provider" });
}
