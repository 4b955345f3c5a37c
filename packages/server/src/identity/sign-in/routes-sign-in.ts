import type { Random } from "../../platform/random.ts";
import { passkeyScript, renderRegister, renderSecondFactor, renderSignIn } from "@assay/web";
import type { FastifyInstance } from "fastify";
import type { People } from "../identity.ts";
import { addressBlock } from "../limits/limits.ts";
import type { Accounts } from "../people/accounts.ts";
import { nextPath } from "./next-path.ts";
import type { Provider } from "./provider.ts";
import { proofWanted, prove, type Prover } from "./prove.ts";
import {
  goTo,
  mendable,
  ownForm,
  queryText,
  sendForms,
  setSession,
  toSignIn,
  visitOf,
  type Visit,
} from "./routes-visit.ts";
import type { SignIn } from "./sign-in.ts";
import { doerOf } from "../doer.ts";

export interface SignInRoutesDeps extends SignIn {
  readonly accounts: Accounts;
  readonly random: Random;
  readonly provider: Provider | undefined;
  readonly registration: People["registration"];
  readonly limits: Pick<People["limits"], "registering">;
}

const form = { config: { body: "form" } } as const;
const home = "/-/web/me";

/** Signing in and out with a browser, the second step, and proving again to be there. */
export function addSignInRoutes(fastify: FastifyInstance, deps: SignInRoutesDeps): void {
  const { sessions, factors, accounts } = deps;
  const provider = deps.provider?.name;
  const isOpen = deps.registration === "open";

  fastify.get("/-/web/sign-in", async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const next = nextPath(queryText(request, "next"), home);
    return visit.session === undefined
      ? sendForms(reply, renderSignIn({ ...visit, next, provider, isOpen }))
      : goTo(reply, visit.base, next);
  });

  fastify.post("/-/web/sign-in", form, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const sent = ownForm(request, visit);
    const next = nextPath(sent.text("next"), home);
    const user = sent.text("user").trim().toLowerCase();
    try {
      const account = await accounts.checkPassword(user, sent.text("password"), visit.place.address);
      const { isEnrolled } = await factors.stateOf(account.name);
      const { secret } = await deps.begin(account.name, { isComplete: !isEnrolled }, visit);
      setSession(reply, visit.base, secret);
      return goTo(reply, visit.base, isEnrolled ? `/-/web/second-step?next=${encodeURIComponent(next)}` : next);
    } catch (error) {
      const problem = mendable(error);
      return sendForms(
        reply.code(problem.status),
        renderSignIn({ ...visit, next, user, provider, isOpen, problem: problem.message }),
      );
    }
  });

  if (isOpen) addRegisterRoutes(fastify, deps);

  fastify.get("/-/web/second-step", async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const next = nextPath(queryText(request, "next"), home);
    const prover = proverOf(visit, visit.half);
    if (prover === undefined) return toSignIn(reply, visit.base, next);
    const wanted = await proofWanted(deps, prover);
    return sendForms(reply, renderSecondFactor({ ...visit, next, wanted, why: "sign-in" }));
  });

  fastify.get("/-/web/confirm", async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const next = nextPath(queryText(request, "next"), home);
    const prover = proverOf(visit, visit.session);
    if (prover === undefined) return toSignIn(reply, visit.base, next);
    const wanted = await proofWanted(deps, prover);
    return sendForms(reply, renderSecondFactor({ ...visit, next, wanted, why: "again" }));
  });

  for (const [path, why] of [
    ["/-/web/second-step", "sign-in"],
    ["/-/web/confirm", "again"],
  ] as const)
    fastify.post(path, form, async (request, reply) => {
      const visit = await visitOf(deps, request, reply);
      const sent = ownForm(request, visit);
      const next = nextPath(sent.text("next"), home);
      const prover = proverOf(visit, why === "again" ? visit.session : visit.half);
      if (prover === undefined) return toSignIn(reply, visit.base, next);
      try {
        await prove(deps, prover, sent);
      } catch (error) {
        const problem = mendable(error);
        const wanted = await proofWanted(deps, prover);
        const page = renderSecondFactor({ ...visit, next, wanted, why, problem: problem.message });
        return sendForms(reply.code(problem.status), page);
      }
      const renewed = await sessions.stepUp(prover.secret);
      if (renewed === undefined) return toSignIn(reply, visit.base, next);
      setSession(reply, visit.base, renewed.secret);
      return goTo(reply, visit.base, next);
    });

  fastify.post("/-/web/sign-out", form, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    ownForm(request, visit);
    if (visit.secret !== undefined) await sessions.end(visit.secret);
    setSession(reply, visit.base, undefined);
    return goTo(reply, visit.base, "/-/web/sign-in");
  });

  fastify.get("/-/web/passkey.js", (_request, reply) => {
    void reply
      .headers({ "content-type": "text/javascript; charset=utf-8", "cache-control": "public, max-age=300" })
      .send(passkeyScript);
  });
}

/** Whose proof this page takes; undefined when nobody is there. */
export function proverOf(visit: Visit, session: Visit["session"]): Prover | undefined {
  return session === undefined || visit.secret === undefined
    ? undefined
    : { account: session.account, base: visit.base, secret: visit.secret, address: visit.place.address };
}

/** Where whoever comes may make an account: the page for clients that sign in through a browser. */
function addRegisterRoutes(fastify: FastifyInstance, deps: SignInRoutesDeps): void {
  fastify.get("/-/web/register", async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const next = nextPath(queryText(request, "next"), home);
    return visit.session === undefined
      ? sendForms(reply, renderRegister({ ...visit, next }))
      : goTo(reply, visit.base, next);
  });

  fastify.post("/-/web/register", form, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const sent = ownForm(request, visit);
    const next = nextPath(sent.text("next"), home);
    const [name, email, password] = [sent.text("user").trim(), sent.text("email").trim(), sent.text("password")];
    try {
      deps.limits.registering.take(addressBlock(visit.place.address));
      const by = doerOf({ id: `person:${name}`, address: visit.place.address });
      const account = await deps.accounts.create(by, { name, kind: "person", password, email });
      const { secret } = await deps.begin(account.name, { isComplete: true }, visit);
      setSession(reply, visit.base, secret);
      return goTo(reply, visit.base, next);
    } catch (error) {
      const problem = mendable(error);
      const page = renderRegister({ ...visit, next, user: name, email, problem: problem.message });
      return sendForms(reply.code(problem.status), page);
    }
  });
}
