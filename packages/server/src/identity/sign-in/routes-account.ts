import { renderAccount, renderCodes, renderNewKey, renderTotp } from "@assay/web";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../../platform/clock.ts";
import type { Form } from "../../http/form.ts";
import { proverOf, type SignInRoutesDeps } from "./routes-sign-in.ts";
import { goTo, mendable, ownForm, sendForms, toConfirm, toSignIn, visitOf, type Visit } from "./routes-visit.ts";
import { freshMs } from "./step-ups.ts";
import type { Prover } from "./prove.ts";

const here = "/-/web/me";

/** The reader's own account: second factors and sessions. What changes a factor needs a fresh proof. */
export function addAccountRoutes(fastify: FastifyInstance, deps: SignInRoutesDeps & { readonly clock: Clock }): void {
  const { sessions, accounts, factors, passkeys, clock } = deps;

  fastify.get(here, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    return visit.session === undefined ? toSignIn(reply, visit.base, here) : show(reply, visit);
  });

  /** A form of the account; `fresh`: only after a proof of the last minutes. */
  function post(
    path: string,
    need: "session" | "fresh",
    act: (prover: Prover, form: Form, reply: FastifyReply, visit: Visit) => Promise<FastifyReply | undefined>,
  ): void {
    fastify.post(`${here}${path}`, { config: { body: "form" } }, async (request, reply) => {
      const visit = await visitOf(deps, request, reply);
      const sent = ownForm(request, visit);
      const prover = proverOf(visit, visit.session);
      if (prover === undefined) return toSignIn(reply, visit.base, here);
      if (need === "fresh" && !isFresh(visit)) return toConfirm(reply, visit.base, here);
      try {
        return (await act(prover, sent, reply, visit)) ?? goTo(reply, visit.base, here);
      } catch (error) {
        const problem = mendable(error);
        return show(reply.code(problem.status), visit, problem.message);
      }
    });
  }

  post("/sessions/end", "session", async ({ account }, form) => {
    await sessions.revoke(account, form.text("id"));
    return undefined;
  });
  post("/totp", "fresh", async ({ account, base }, _form, reply, visit) =>
    sendForms(reply, renderTotp({ ...visit, ...(await factors.offerTotp(account, new URL(base).hostname)) })),
  );
  post("/totp/confirm", "fresh", async ({ account, address }, form, reply, visit) =>
    showCodes(reply, visit, await factors.confirmTotp(account, form.text("code"), address)),
  );
  post("/totp/remove", "fresh", async (prover) => {
    await factors.removeTotp(prover);
    return undefined;
  });
  post("/recovery-codes", "fresh", async (prover, _form, reply, visit) =>
    (await factors.stateOf(prover.account)).isEnrolled
      ? showCodes(reply, visit, await factors.drawRecoveryCodes(prover))
      : undefined,
  );
  post("/mode", "fresh", async (prover, form) => {
    await factors.setMode(prover, form.text("mode") === "sign-in" ? "sign-in" : "all");
    return undefined;
  });
  post("/keys", "fresh", async ({ account, base, secret, address }, form, reply, visit) => {
    const given = { answer: form.text("passkey"), label: form.text("label"), address };
    const codes = await passkeys.add(account, base, secret, given);
    return codes.length === 0 ? undefined : showCodes(reply, visit, codes);
  });
  post("/keys/remove", "fresh", async (prover, form) => {
    await factors.removePasskey(prover, form.text("id"));
    return undefined;
  });

  fastify.get(`${here}/keys/new`, async (request: FastifyRequest, reply) => {
    const visit = await visitOf(deps, request, reply);
    const prover = proverOf(visit, visit.session);
    if (prover === undefined) return toSignIn(reply, visit.base, `${here}/keys/new`);
    if (!isFresh(visit)) return toConfirm(reply, visit.base, `${here}/keys/new`);
    if (!passkeys.isPossible(visit.base)) return goTo(reply, visit.base, here);
    const options = await passkeys.offer(prover.account, visit.base, prover.secret);
    return sendForms(reply, renderNewKey({ ...visit, options }));
  });

  function isFresh({ session }: Visit): boolean {
    return session?.steppedUpAtMs !== undefined && session.steppedUpAtMs + freshMs > clock.now();
  }

  function showCodes(reply: FastifyReply, { base, who }: Visit, codes: readonly string[]): FastifyReply {
    return sendForms(reply, renderCodes({ base, who, codes }));
  }

  async function show(reply: FastifyReply, visit: Visit, problem?: string): Promise<FastifyReply> {
    const who = visit.session?.account ?? "";
    const account = await accounts.find(who);
    const list = await sessions.list(who);
    const state = await factors.stateOf(who);
    const page = renderAccount({
      ...visit,
      who,
      email: account?.email,
      isAdmin: account?.isAdmin === true,
      sessions: list.map((each) => ({ ...each, isThis: each.id === visit.session?.id })),
      factors: { ...state, keys: state.passkeys, canAddKey: passkeys.isPossible(visit.base) },
      provider: deps.provider?.name,
      problem,
    });
    return sendForms(reply, page);
  }
}
