import { AssayError } from "@assay/core";
import type { FastifyInstance } from "fastify";
import { addressBlock } from "../limits/limits.ts";
import { agentOf, requirePrincipal } from "../people/routes-login.ts";
import type { IdentityRoutesDeps } from "../routes.ts";
import { makeToken, visibleTokens } from "./make-token.ts";
import { tokenDocument } from "./token-document.ts";
import { parseTokenRequest } from "./token-request.ts";
import { doerOf } from "../doer.ts";

const bodyLimit = 64 * 1024;
/** So many characters of a key tell it from others; fewer are a typing error. */
const shortestPrefix = 6;
const mostLeaked = 100;

/** `npm token`, `pnpm token`, and what scanners that found a token send. */
export function addTokenRoutes(fastify: FastifyInstance, deps: IdentityRoutesDeps): void {
  const { identity, clock, maxTokenDays } = deps;
  const { tokens, limits } = identity;

  fastify.get("/-/npm/v1/tokens", async (request, reply) => {
    const visible = await visibleTokens(tokens, await requirePrincipal(identity, request));
    return reply
      .header("cache-control", "no-store")
      .send({ objects: visible.map(tokenDocument), total: visible.length, urls: {} });
  });

  fastify.post("/-/npm/v1/tokens", { bodyLimit }, async (request, reply) => {
    const principal = await requirePrincipal(identity, request);
    const wanted = parseTokenRequest(request.body, { nowMs: clock.now(), maxTokenDays, agent: agentOf(request) });
    const { password: _typed, ...asked } = wanted;
    await identity.signIn.stepUps.require(principal, request, {
      what: `make the token "${wanted.name}" (${wanted.bounds.level})`,
      exactly: `make token ${JSON.stringify({ ...asked, bounds: { ...asked.bounds, expiresAtMs: undefined } })}`,
      need: "factor",
    });
    const { secret, token } = await makeToken({ ...identity, clock, making: limits.making }, principal, wanted);
    return reply
      .code(201)
      .header("cache-control", "no-store")
      .send({ ...tokenDocument(token), token: secret });
  });

  // A key, the beginning of one, or the token itself, which whoever holds it may end.
  fastify.delete<{ Params: { token: string } }>(
    "/-/npm/v1/tokens/token/:token",
    { config: { secretPath: true } },
    async (request, reply) => {
      const principal = await requirePrincipal(identity, request);
      const { token } = request.params;
      const pasted = await tokens.find(token);
      const matching =
        pasted === undefined && token.length >= shortestPrefix
          ? (await visibleTokens(tokens, principal)).filter(({ key }) => key.startsWith(token))
          : [];
      if (matching.length > 1) throw new AssayError("BAD_REQUEST", { reason: "more than one token begins like that" });
      const found = pasted?.token ?? matching[0];
      if (found === undefined || !(await tokens.revoke(doerOf(principal), found)))
        throw new AssayError("NOT_FOUND", { what: "The token" });
      return reply.code(204).send();
    },
  );

  /** The same answer whatever was sent, so that nobody learns here which of their guesses is a token. */
  fastify.post("/-/assay/v1/tokens/revoke-leaked", { bodyLimit }, async (request, reply) => {
    const { address } = request.credentials;
    limits.leaks.take(addressBlock(address));
    for (const leaked of parseLeaked(request.body)) {
      const standing = await tokens.find(leaked);
      if (standing !== undefined) await tokens.revoke(doerOf({ id: "anonymous", address }), standing.token);
    }
    return reply.code(202).header("cache-control", "no-store").send({ ok: true });
  });
}

function parseLeaked(sent: unknown): readonly string[] {
  const list = Array.isArray(sent) ? sent : (sent as { readonly tokens?: unknown } | undefined)?.tokens;
  const texts: readonly unknown[] = Array.isArray(list)
    ? list.map((each: unknown) =>
        typeof each === "object" && each !== null ? (each as { readonly token?: unknown }).token : each,
      )
    : [];
  if (texts.length === 0 || texts.length > mostLeaked || texts.some((each) => typeof each !== "string"))
    throw new AssayError("BAD_REQUEST", { reason: `tokens must be a list of 1 to ${mostLeaked} tokens` });
  return texts as readonly string[];
}
