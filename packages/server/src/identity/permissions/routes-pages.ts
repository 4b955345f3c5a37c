import { renderPolicies } from "@assay/web";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Random } from "../../platform/random.ts";
import type { Identity } from "../identity.ts";
import { ownForm, sendForms, settle, toSignIn, visitOf, type Visit } from "../sign-in/routes-visit.ts";
import { changePolicies, showPolicies, type ChangePoliciesDeps, type PolicyCaller } from "./change-policies.ts";

export interface PolicyPagesDeps extends ChangePoliciesDeps {
  readonly identity: Pick<Identity, "accounts" | "signIn">;
  readonly random: Random;
}

interface Named {
  readonly Params: { readonly org: string };
}

const path = "/-/web/organisations/:org/policies";
const hereOf = (org: string): string => `/-/web/organisations/${encodeURIComponent(org)}/policies`;

/** `/-/web/organisations/<org>/policies`: an organisation's own policies, to see and to edit. */
export function addPolicyPages(
  fastify: FastifyInstance,
  deps: PolicyPagesDeps,
  callerOf: (request: FastifyRequest) => Promise<PolicyCaller>,
): void {
  const visits = { sessions: deps.identity.signIn.sessions, accounts: deps.identity.accounts, random: deps.random };

  fastify.get<Named>(path, async (request, reply) => {
    const { org } = request.params;
    const visit = await visitOf(visits, request, reply);
    if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(org));
    return await show(reply, visit, await callerOf(request), org);
  });

  fastify.post<Named>(path, { config: { body: "form" } }, async (request, reply) => {
    const { org } = request.params;
    const visit = await visitOf(visits, request, reply);
    const form = ownForm(request, visit);
    if (visit.session === undefined) return toSignIn(reply, visit.base, hereOf(org));
    const caller = await callerOf(request);
    // Browsers send lines with both characters.
    const text = form.text("policies").replaceAll("\r\n", "\n");
    const revision = Number(form.text("revision"));
    const change = async (): Promise<string> => {
      await changePolicies(deps, caller, { organisation: org, text: text.trim() === "" ? "" : text, revision });
      return hereOf(org);
    };
    return await settle(reply, visit, hereOf(org), change, (again, problem) =>
      show(again, visit, caller, org, { text, problem }),
    );
  });

  async function show(
    reply: FastifyReply,
    visit: Visit,
    { principal }: PolicyCaller,
    organisation: string,
    sent?: { readonly text: string; readonly problem: string },
  ): Promise<FastifyReply> {
    const saved = await showPolicies(deps, principal, organisation);
    const page = { ...visit, organisation, ...saved, text: sent?.text ?? saved.text, problem: sent?.problem };
    return sendForms(reply, renderPolicies(page));
  }
}
