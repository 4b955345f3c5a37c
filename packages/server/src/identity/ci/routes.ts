import { AssayError, isAssayError } from "@assay/core";
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import type { Random } from "../../platform/random.ts";
import type { Config } from "../../config/config.ts";
import type { Identity } from "../identity.ts";
import { addTrustPages } from "./routes-pages.ts";
import { packageSubject, renderRule, warningsOf, type TrustRule, type TrustSubject } from "./rules.ts";
import type { Caller } from "./trust.ts";

export interface CiRoutesDeps {
  readonly identity: Pick<Identity, "authenticate" | "ci" | "accounts"> & {
    readonly signIn: Pick<Identity["signIn"], "stepUps" | "sessions">;
  };
  readonly random: Random;
  readonly issuers: Config["trust"]["issuers"];
  /** As configured; the one that a request came in under counts besides. */
  readonly publicUrls: readonly string[];
}

/** Largest body of a change of rules. */
const bodyLimit = 64 * 1024;

/** The exchange of identity tokens, and the rules by which it is decided. */
export function ciRoutes(deps: CiRoutesDeps): FastifyPluginCallback {
  return (fastify, _options, done) => {
    addCiRoutes(fastify, deps);
    done();
  };
}

function addCiRoutes(fastify: FastifyInstance, deps: CiRoutesDeps): void {
  const { identity, publicUrls } = deps;
  const { ci } = identity;
  const callerOf = createCallerOf(deps);

  async function answerExchange(request: FastifyRequest, reply: FastifyReply, subject: TrustSubject): Promise<unknown> {
    const { bearer: idToken, address } = request.credentials;
    const urls = [...publicUrls, request.base];
    const asked = ci.exchange({ idToken, subject, address, publicUrls: urls }).catch(sayAgain);
    const { token, createdAtMs, expiresAtMs } = await asked;
    return await reply
      .code(201)
      .header("cache-control", "no-store")
      .send({
        token_type: "oidc",
        token,
        created: new Date(createdAtMs).toISOString(),
        expires: new Date(expiresAtMs).toISOString(),
      });
  }

  // Clients send no body, or an empty one of any type.
  const config = { body: "stream" } as const;
  fastify.post<{ Params: { name: string } }>(
    "/-/npm/v1/oidc/token/exchange/package/:name",
    { config },
    (request, reply) => answerExchange(request, reply, packageSubject(request.params.name)),
  );
  fastify.post<{ Params: { organisation: string } }>(
    "/-/assay/v1/oidc/token/exchange/organisation/:organisation",
    { config },
    (request, reply) => answerExchange(request, reply, organisationSubject(request.params.organisation)),
  );

  /** The same for packages, as `npm trust` asks, and for organisations. */
  function addRuleRoutes(url: string, subjectOf: (owner: string) => TrustSubject): void {
    const subject = (request: FastifyRequest): TrustSubject => subjectOf((request.params as { owner: string }).owner);

    fastify.get(url, async (request, reply) => {
      const rules = await ci.trust.list(await callerOf(request), subject(request));
      return await reply.header("cache-control", "no-store").send(rules.map(show));
    });

    fastify.post(url, { bodyLimit }, async (request, reply) => {
      const made = await ci.trust.add(await callerOf(request), subject(request), request.body);
      const warnings = made.flatMap(warningsOf);
      // npm prints this header; the sentences stand in the answer too.
      if (warnings.length > 0) void reply.header("npm-notice", warnings.join(" "));
      return await reply.header("cache-control", "no-store").send(made.map(show));
    });

    fastify.get(`${url}/exclusive`, async (request, reply) => {
      const exclusive = await ci.trust.isExclusive(await callerOf(request), subject(request));
      return await reply.header("cache-control", "no-store").send({ exclusive });
    });

    fastify.put(`${url}/exclusive`, { bodyLimit }, async (request, reply) => {
      const exclusive = readExclusive(request.body);
      await ci.trust.setExclusive(await callerOf(request), subject(request), exclusive);
      return await reply.header("cache-control", "no-store").send({ exclusive });
    });

    fastify.delete<{ Params: { id: string } }>(`${url}/:id`, async (request, reply) => {
      await ci.trust.remove(await callerOf(request), subject(request), request.params.id);
      return await reply.code(204).send();
    });
  }

  addRuleRoutes("/-/package/:owner/trust", packageSubject);
  addTrustPages(fastify, deps, callerOf);
  addRuleRoutes("/-/assay/v1/organisation/:owner/trust", organisationSubject);
}

/** Who asks, with the way to have it confirm what it asks for. */
function createCallerOf({ identity }: CiRoutesDeps): (request: FastifyRequest) => Promise<Caller> {
  return async (request) => {
    const { base, credentials } = request;
    const principal = await identity.authenticate(credentials);
    return {
      principal,
      base,
      confirm: (operation) =>
        identity.signIn.stepUps.require(principal, { base, credentials }, { ...operation, need: "always" }),
    };
  };
}

/** Throws the refusal with its sentence where pnpm looks for it. */
function sayAgain(error: unknown): never {
  for (const code of ["ID_TOKEN_REFUSED", "TRUST_REFUSED", "TRUST_MISSING"] as const) {
    if (!isAssayError(error, code)) continue;
    throw new AssayError(code, { ...error.details, body: { message: error.message } }, { cause: error });
  }
  throw error;
}

function readExclusive(body: unknown): boolean {
  const { exclusive } = (typeof body === "object" && body !== null ? body : {}) as { readonly exclusive?: unknown };
  if (typeof exclusive === "boolean") return exclusive;
  throw new AssayError("BAD_REQUEST", { reason: "its body must be {exclusive: true} or {exclusive: false}" });
}

function show(rule: TrustRule): Record<string, unknown> {
  const warnings = warningsOf(rule);
  return { ...renderRule(rule), ...(warnings.length > 0 ? { warnings } : {}) };
}

/** A name that no organisation can have is one that does not exist: it needs no answer of its own. */
function organisationSubject(name: string): TrustSubject {
  return { kind: "organisation", name };
}
