import { AssayError } from "@assay/core";
import { renderDone, renderStepUp } from "@assay/web";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../../platform/clock.ts";
import { proofWanted, prove, type Prover } from "./prove.ts";
import { proverOf, type SignInRoutesDeps } from "./routes-sign-in.ts";
import { mendable, ownForm, sendForms, setSession, toSignIn, visitOf, type Visit } from "./routes-visit.ts";
import type { StepUp } from "./step-ups.ts";

interface ById {
  readonly Params: { readonly id: string };
}

/** Where a client sends its person to confirm one operation: every time with a new proof, however fresh the session is. */
export function addStepUpRoutes(fastify: FastifyInstance, deps: SignInRoutesDeps & { readonly clock: Clock }): void {
  const { stepUps, sessions, clock } = deps;
  const path = "/-/web/step-up/:id";
  const hereOf = (id: string): string => `/-/web/step-up/${encodeURIComponent(id)}`;

  fastify.get<ById>(path, { config: { secretPath: true } }, async (request, reply) => {
    const visit = await visitOf(deps, request, reply);
    const prover = proverOf(visit, visit.session);
    if (prover === undefined) return toSignIn(reply, visit.base, hereOf(request.params.id));
    return show(reply, visit, prover, await waiting(request.params.id, prover));
  });

  fastify.post<ById>(path, { config: { body: "form", secretPath: true } }, async (request, reply) => {
    const { id } = request.params;
    const visit = await visitOf(deps, request, reply);
    const sent = ownForm(request, visit);
    const prover = proverOf(visit, visit.session);
    if (prover === undefined) return toSignIn(reply, visit.base, hereOf(id));
    const stepUp = await waiting(id, prover);
    const isYes = sent.text("decision") === "yes";
    if (isYes) {
      try {
        await prove(deps, prover, sent);
      } catch (error) {
        const problem = mendable(error);
        return show(reply.code(problem.status), visit, prover, stepUp, problem.message);
      }
      const renewed = await sessions.stepUp(prover.secret);
      if (renewed !== undefined) setSession(reply, visit.base, renewed.secret);
    }
    if (!(await stepUps.decide(id, prover.account, isYes ? "confirmed" : "refused"))) throw notThere();
    const [title, text] = isYes
      ? ["Confirmed", "Go back to the terminal: your client goes on."]
      : ["Refused", "Nothing was done. If you did not ask for this, revoke your tokens and change your password."];
    return sendForms(reply, renderDone({ base: visit.base, who: prover.account, title, text, isGood: isYes }));
  });

  async function waiting(id: string, { account }: Prover): Promise<StepUp> {
    const stepUp = await stepUps.find(id, account);
    if (stepUp?.state !== "waiting") throw notThere();
    return stepUp;
  }

  async function show(
    reply: FastifyReply,
    visit: Visit,
    prover: Prover,
    { id = "", what, address, createdAtMs }: StepUp,
    problem?: string,
  ): Promise<FastifyReply> {
    const secondsAgo = Math.max(0, Math.floor((clock.now() - createdAtMs) / 1000));
    const wanted = await proofWanted(deps, prover);
    return sendForms(reply, renderStepUp({ ...visit, id, what, address, secondsAgo, wanted, problem }));
  }
}

function notThere(): AssayError {
  return new AssayError("NOT_FOUND", { what: "Anything of yours to confirm here" });
}
