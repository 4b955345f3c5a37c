import { AssayError } from "@assay/core";
import { renderApproval, renderApprovals } from "@assay/web";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ownForm, queryText, sendForms, settle, toSignIn, visitOf, type Visit } from "../sign-in/routes-visit.ts";
import type { ApprovalRoutesDeps, Voter } from "./routes.ts";

interface ById {
  readonly Params: { readonly id: string };
}

const path = "/-/approvals";
const hereOf = (id: string): string => `${path}/${encodeURIComponent(id)}`;

/** `/-/approvals`: what waits, and a page for each, where people decide. */
export function addApprovalPages(
  fastify: FastifyInstance,
  { identity, approvals, random }: ApprovalRoutesDeps,
  voterOf: (request: FastifyRequest) => Promise<Voter>,
): void {
  const visits = { sessions: identity.signIn.sessions, accounts: identity.accounts, random };

  fastify.get(path, async (request, reply) => {
    const visit = await visitOf(visits, request, reply);
    if (visit.session === undefined) return toSignIn(reply, visit.base, path);
    const { principal } = await voterOf(request);
    const isAll = queryText(request, "all") !== undefined;
    const after = queryText(request, "after");
    const page = await approvals.list(principal, { state: isAll ? undefined : "waiting", after });
    return sendForms(reply, renderApprovals({ ...visit, ...page, isAll }));
  });

  fastify.get<ById>(`${path}/:id`, async (request, reply) => {
    const { id } = request.params;
    const visit = await visitOf(visits, request, reply);
    if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(id));
    return await show(reply, visit, await voterOf(request), id);
  });

  fastify.post<ById>(`${path}/:id`, { config: { body: "form" } }, async (request, reply) => {
    const { id } = request.params;
    const visit = await visitOf(visits, request, reply);
    const form = ownForm(request, visit);
    if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(id));
    const voter = await voterOf(request);
    const verdict = form.text("verdict");
    if (verdict !== "approve" && verdict !== "reject")
      throw new AssayError("BAD_REQUEST", { reason: "the form does not say what to do" });
    const decide = async (): Promise<string> => {
      const decision = { digest: form.text("digest"), reason: form.text("reason"), confirm: voter.confirm };
      await approvals[verdict](voter.principal, id, decision);
      return hereOf(id);
    };
    return await settle(reply, visit, hereOf(id), decide, (again, problem) => show(again, visit, voter, id, problem));
  });

  async function show(
    reply: FastifyReply,
    visit: Visit,
    { principal }: Voter,
    id: string,
    problem?: string,
  ): Promise<FastifyReply> {
    const found = await approvals.find(principal, id);
    const hindrance = await approvals.hindrance(principal, found);
    const isOwn = found.requester === principal.id;
    return sendForms(reply, renderApproval({ ...visit, approval: found, hindrance, isOwn, problem }));
  }
}
