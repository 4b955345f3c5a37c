import { renderStage, renderStages } from "@assay/web";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ownForm, queryText, sendForms, settle, toSignIn, visitOf, type Visit } from "../identity/identity.ts";
import type { PublishingRoutesDeps } from "./routes-deps.ts";
import { deciderOf } from "./routes-stage.ts";
import type { Review, Stage } from "./stage/stage.ts";

interface ById {
  readonly Params: { readonly id: string };
}

const list = "/-/web/stage";
const perPage = 50;

/** What waits, and what approving would publish: pages with forms, whole without script. */
export function addStagePages(fastify: FastifyInstance, deps: PublishingRoutesDeps): void {
  const { identity, random, publishing } = deps;
  const { staging } = publishing;
  const visits = { ...identity, sessions: identity.signIn.sessions, random };

  fastify.get(list, async (request, reply) => {
    const visit = await visitOf(visits, request, reply);
    if (visit.session === undefined) return toSignIn(reply, visit.base, list);
    const asked = queryText(request, "page") ?? "0";
    const page = /^\d{1,6}$/.test(asked) ? Number(asked) : 0;
    const principal = await identity.authenticate(request.credentials);
    const { stages, total } = await staging.list(principal, { page, perPage });
    const props = { ...visit, stages: stages.map(listed), page, pages: Math.ceil(total / perPage) };
    return sendForms(reply, renderStages(props));
  });

  fastify.get<ById>(`${list}/:id`, async (request, reply) => {
    const visit = await visitOf(visits, request, reply);
    if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(request));
    return await show(request, reply, visit);
  });

  for (const what of ["approve", "reject"] as const)
    fastify.post<ById>(`${list}/:id/${what}`, { config: { body: "form" } }, async (request, reply) => {
      const visit = await visitOf(visits, request, reply);
      const form = ownForm(request, visit);
      if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(request));
      const decider = await deciderOf(deps, request);
      const decide = async (): Promise<string> => {
        if (what === "approve") return `/${(await staging.approve(decider, request.params.id)).name}`;
        await staging.reject(decider, request.params.id, form.text("reason").trim());
        return list;
      };
      return await settle(reply, visit, hereOf(request), decide, (again, problem) =>
        show(request, again, visit, problem),
      );
    });

  async function show(
    request: FastifyRequest<ById>,
    reply: FastifyReply,
    visit: Visit,
    problem?: string,
  ): Promise<FastifyReply> {
    const principal = await identity.authenticate(request.credentials);
    const review = await staging.review(principal, request.params.id);
    const may = await staging.mayDecide(principal, review.stage);
    return sendForms(
      reply,
      renderStage({
        ...visit,
        ...review,
        stage: reviewed(review),
        // Where several people approve, none of them is who staged it.
        mayApprove: may.approve && !(review.together !== undefined && review.stage.actor.id === principal.id),
        mayReject: may.reject,
        problem,
      }),
    );
  }
}

function hereOf({ params }: FastifyRequest<ById>): string {
  return `${list}/${encodeURIComponent(params.id)}`;
}

function listed({ id, name, version, tags, actor, createdAtMs, expiresAtMs }: Stage) {
  return { id, name, version, tags, by: actor.name, createdAtMs, expiresAtMs };
}

function reviewed({ stage }: Review) {
  const { visibility, integrity, sizeBytes, address, actor } = stage;
  return { ...listed(stage), visibility, integrity, sizeBytes, address, kind: actor.kind };
}
