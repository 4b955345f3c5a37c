import { AssayError } from "@assay/core";
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../platform/clock.ts";
import { doerOf, type Doer } from "../doer.ts";
import { addressBlock, createRateLimit } from "../limits/limits.ts";
import { root, send, type ById } from "./routes-answers.ts";
import { describedGroup, describedUser, providerConfig, resourceType, schemaDocument } from "./discovery.ts";
import { listDocument } from "./messages.ts";
import { addGroupRoutes } from "./routes-groups.ts";
import { addUserRoutes } from "./routes-users.ts";
import type { Scim } from "./scim.ts";
import type { ScimTokens } from "./scim-tokens.ts";
import { errorDocument, ScimRefusal } from "./scim-refusal.ts";

export interface ScimRoutesDeps {
  readonly scim: Pick<Scim, "users" | "groups">;
  readonly scimTokens: Pick<ScimTokens, "find">;
  readonly clock: Clock;
}

/** SCIM 2.0 (RFC 7643, RFC 7644) for an identity provider with a token of its own. */
export function scimRoutes(deps: ScimRoutesDeps): FastifyPluginCallback {
  const { users, groups } = deps.scim;
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

    addUserRoutes(fastify, { users, by });
    addGroupRoutes(fastify, { groups, by });
    done();
  };
}

function addDiscovery(fastify: FastifyInstance): void {
  const described = [describedUser, describedGroup];
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
