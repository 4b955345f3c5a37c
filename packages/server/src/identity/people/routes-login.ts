import { AssayError } from "@assay/core";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { People } from "../identity.ts";
import type { Principal } from "../principal.ts";
import type { IdentityRoutesDeps } from "../routes.ts";
import { logIn, logInOrRegister, type LoginRequest } from "./login.ts";
import { doerOf } from "../doer.ts";

const userPrefix = "org.couchdb.user:";
const bodyLimit = 16 * 1024;

/** Signing in by name and password as every client does it, who one is, and signing out. */
export function addLoginRoutes(fastify: FastifyInstance, deps: IdentityRoutesDeps): void {
  const { accounts, tokens } = deps.identity;

  fastify.put<{ Params: { user: string } }>("/-/user/:user", { bodyLimit }, async (request, reply) => {
    const wanted = parseLogin(userOf(request.params.user), request);
    const { secret } = await logInOrRegister(deps, wanted, request);
    return reply.code(201).header("cache-control", "no-store").send(signedIn(wanted.name, secret));
  });

  // The second step of clients that got CONFLICT: the same document with a revision, and Basic.
  fastify.put<{ Params: { user: string; revision: string } }>(
    "/-/user/:user/-rev/:revision",
    { bodyLimit },
    async (request, reply) => {
      const wanted = parseLogin(userOf(request.params.user), request);
      const { secret } = await logIn(deps, wanted, request);
      return reply.code(201).header("cache-control", "no-store").send(signedIn(wanted.name, secret));
    },
  );

  /** For who is signed in: `npm owner add` looks names up. For others the same document whatever the name. */
  fastify.get<{ Params: { user: string } }>("/-/user/:user", async (request, reply) => {
    const name = userOf(request.params.user);
    void reply.header("cache-control", "no-store");
    const document = { _id: `${userPrefix}${name}`, _rev: "1-0", type: "user", roles: [], name };
    const principal = await deps.identity.authenticate(request.credentials).catch(() => undefined);
    if (principal === undefined || principal.kind === "anonymous") return reply.send(document);
    const account = await accounts.find(name);
    if (account === undefined) throw new AssayError("NOT_FOUND", { what: `The user ${name}` });
    const email = principal.id === `person:${name}` || principal.isAdmin ? (account.email ?? "") : "";
    return reply.send({ ...document, email, fullname: account.fullName ?? "" });
  });

  fastify.get("/-/whoami", async (request, reply) => {
    const { name } = await requirePrincipal(deps.identity, request);
    return reply.header("cache-control", "no-store").send({ username: name });
  });

  // Whoever has the token may end it; nothing is told of one that is unknown.
  fastify.delete<{ Params: { token: string } }>(
    "/-/user/token/:token",
    { config: { secretPath: true } },
    async (request, reply) => {
      const principal = await deps.identity.authenticate(request.credentials);
      const standing = await tokens.find(request.params.token);
      if (standing !== undefined) await tokens.revoke(doerOf(principal), standing.token);
      return reply.header("cache-control", "no-store").send({ ok: true });
    },
  );
}

/** Who sends a request that somebody must send. Throws UNAUTHORIZED for anonymous. */
export async function requirePrincipal(
  identity: Pick<People, "authenticate">,
  { credentials }: FastifyRequest,
): Promise<Principal> {
  const principal = await identity.authenticate(credentials);
  if (principal.kind === "anonymous")
    throw new AssayError("UNAUTHORIZED", { reason: "this needs a token; sign in with npm login" });
  return principal;
}

function signedIn(name: string, token: string): Readonly<Record<string, unknown>> {
  return { ok: true, id: `${userPrefix}${name}`, rev: "1-0", token };
}

function userOf(parameter: string): string {
  if (!parameter.startsWith(userPrefix)) throw new AssayError("NOT_FOUND", { what: "What was asked for" });
  return parameter.slice(userPrefix.length);
}

/** The document; name and password of Basic count where it has none, and must be the same where it has. */
function parseLogin(name: string, request: FastifyRequest): LoginRequest {
  const body = (request.body ?? {}) as Readonly<Record<string, unknown>>;
  const { basic } = request.credentials;
  const password = body["password"] ?? basic?.password;
  const email = body["email"] ?? "";
  if (typeof body !== "object" || typeof password !== "string" || typeof email !== "string")
    throw new AssayError("BAD_REQUEST", { reason: "a sign-in has a name and a password" });
  const names = [body["name"], basic?.user].filter((each) => each !== undefined);
  if (names.some((each) => each !== name) || (basic !== undefined && basic.password !== password))
    throw new AssayError("BAD_REQUEST", { reason: "the names, or the passwords, of the request are not the same" });
  return { name, password, email, agent: agentOf(request) };
}

/** `npm/12.2.0` of a long user agent; what is none of ours to repeat is left out. */
export function agentOf({ headers }: FastifyRequest): string {
  return /^[\w.@/-]{1,40}/.exec(headers["user-agent"] ?? "")?.[0] ?? "a client";
}
