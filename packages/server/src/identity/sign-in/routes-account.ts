import { renderAccount } from "@assay/web";
import type { FastifyInstance, FastifyReply } from "fastify";
import { goTo, ownForm, sendForms, toSignIn, visitOf, type Visit } from "./routes-visit.ts";
import type { SignInRoutesDeps } from "./routes-sign-in.ts";

const form = { config: { body: "form" } } as const;
const here = "/-/web/me";

/** The reader's own account: sessions so far. */
export function addAccountRoutes(fastify: FastifyInstance, deps: SignInRoutesDeps): void {
  const { sessions, accounts } = deps;

  fastify.get(here, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    return visit.session === undefined ? toSignIn(reply, visit.base, here) : show(reply, visit);
  });

  fastify.post(`${here}/sessions/end`, form, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const sent = ownForm(request, visit);
    if (visit.session === undefined) return toSignIn(reply, visit.base, here);
    await sessions.revoke(visit.session.account, sent.text("id"));
    return goTo(reply, visit.base, here);
  });

  async function show(reply: FastifyReply, visit: Visit): Promise<FastifyReply> {
    const who = visit.session?.account ?? "";
    const account = await accounts.find(who);
    const list = await sessions.list(who);
    const page = renderAccount({
      ...visit,
      who,
      email: account?.email,
      isAdmin: account?.isAdmin === true,
      sessions: list.map((each) => ({ ...each, isThis: each.id === visit.session?.id })),
    });
    return sendForms(reply, page);
  }
}
