import { renderTokens } from "@assay/web";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Credentials } from "../../http/credentials.ts";
import type { Clock } from "../../platform/clock.ts";
import type { RateLimit } from "../limits/limits.ts";
import type { Principal } from "../principal.ts";
import { makeToken, visibleTokens } from "../tokens/make-token.ts";
import { parseTokenRequest } from "../tokens/token-request.ts";
import type { Token, Tokens } from "../tokens/tokens.ts";
import type { SignInRoutesDeps } from "./routes-sign-in.ts";
import { goTo, mendable, ownForm, sendForms, toConfirm, toSignIn, visitOf, type Visit } from "./routes-visit.ts";
import { doerOf } from "../doer.ts";

export interface TokensPageDeps extends SignInRoutesDeps {
  readonly authenticate: (credentials: Credentials) => Promise<Principal>;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly maxTokenDays: number;
  readonly limits: SignInRoutesDeps["limits"] & { readonly making: RateLimit };
}

const here = "/-/web/me/tokens";
const form = { config: { body: "form" } } as const;

/** The reader's tokens: make one, shown once, and revoke. */
export function addTokensPage(fastify: FastifyInstance, deps: TokensPageDeps): void {
  const { tokens, clock, maxTokenDays } = deps;

  fastify.get(here, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    if (visit.session === undefined) return toSignIn(reply, visit.base, here);
    return show(reply, visit, await deps.authenticate(request.credentials), {});
  });

  fastify.post(here, form, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const sent = ownForm(request, visit);
    if (visit.session === undefined) return toSignIn(reply, visit.base, here);
    const principal = await deps.authenticate(request.credentials);
    if (principal.steppedUpAtMs === undefined) return toConfirm(reply, visit.base, here);
    try {
      const packages = sent
        .text("packages")
        .split(/[\s,]+/)
        .filter((each) => each !== "");
      const wanted = parseTokenRequest(
        {
          name: sent.text("name"),
          packages_and_scopes_permission: sent.text("level"),
          packages,
          expires: sent.text("days"),
          // A token for all that its person may, is for their organisations too.
          ...(packages.length === 0 && sent.text("level") === "read-write" && { orgs_permission: "read-write" }),
        },
        { nowMs: clock.now(), maxTokenDays, agent: "a browser" },
      );
      const { secret } = await makeToken({ ...deps, making: deps.limits.making }, principal, wanted);
      return await show(reply, visit, principal, { fresh: secret });
    } catch (error) {
      const problem = mendable(error);
      return show(reply.code(problem.status), visit, principal, { problem: problem.message });
    }
  });

  fastify.post(`${here}/revoke`, form, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const sent = ownForm(request, visit);
    if (visit.session === undefined) return toSignIn(reply, visit.base, here);
    const principal = await deps.authenticate(request.credentials);
    const found = (await visibleTokens(tokens, principal)).find(({ key }) => key === sent.text("key"));
    if (found !== undefined) await tokens.revoke(doerOf(principal), found);
    return goTo(reply, visit.base, here);
  });

  async function show(
    reply: FastifyReply,
    visit: Visit,
    principal: Principal,
    more: { readonly fresh?: string; readonly problem?: string },
  ): Promise<FastifyReply> {
    const list = await visibleTokens(tokens, principal);
    const page = renderTokens({
      ...visit,
      tokens: list.map((token) => ({ ...token, scope: scopeOf(token) })),
      maxDays: maxTokenDays,
      ...more,
    });
    return sendForms(reply, page);
  }
}

function scopeOf({ packages }: Token): string {
  return packages === undefined ? "all that you may" : packages.length === 0 ? "no package" : packages.join(" ");
}
