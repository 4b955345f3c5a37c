import { AssayError } from "@assay/core";
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import type { Identity } from "../identity.ts";
import { changePolicies, showPolicies, type ChangePoliciesDeps, type PolicyCaller } from "./change-policies.ts";
import { addExplainRoute, type ExplainRoutesDeps } from "./routes-explain.ts";
import { addPolicyPages } from "./routes-pages.ts";

export interface PolicyRoutesDeps extends ChangePoliciesDeps, Pick<ExplainRoutesDeps, "explain"> {
  readonly names: ChangePoliciesDeps["names"] & ExplainRoutesDeps["names"];
  readonly identity: Pick<Identity, "authenticate" | "accounts" | "signIn">;
  readonly random: Parameters<typeof addPolicyPages>[1]["random"];
}

interface Named {
  readonly Params: { readonly org: string };
}

const path = "/-/assay/v1/organisations/:org/policies";
/** Of a text of policies, escaped as JSON. */
const bodyLimit = 512 * 1024;

/**
 * `/-/assay/v1/organisations/<org>/policies`: GET answers `{organisation, policies, revision, savedBy, savedAt}`; PUT
 * takes `{policies}` and DELETE nothing, both with `if-match` and the revision that they are made from.
 */
export function policyRoutes(deps: PolicyRoutesDeps): FastifyPluginCallback {
  const callerOf = async (request: FastifyRequest): Promise<PolicyCaller> => {
    const { base, credentials } = request;
    const principal = await deps.identity.authenticate(credentials);
    return {
      principal,
      base,
      confirm: (operation) =>
        deps.identity.signIn.stepUps.require(principal, { base, credentials }, { ...operation, need: "always" }),
    };
  };

  return (fastify, _options, done) => {
    fastify.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));

    fastify.get<Named>(path, async (request, reply) => {
      const { principal } = await callerOf(request);
      return await answer(reply, request.params.org, principal);
    });

    fastify.put<Named>(path, { bodyLimit }, async (request, reply) => {
      const caller = await callerOf(request);
      const { org: organisation } = request.params;
      const { principal } = caller;
      await changePolicies(deps, caller, { organisation, text: textIn(request.body), revision: revisionIn(request) });
      return await answer(reply, organisation, principal);
    });

    fastify.delete<Named>(path, async (request, reply) => {
      const caller = await callerOf(request);
      const { org: organisation } = request.params;
      await changePolicies(deps, caller, { organisation, text: "", revision: revisionIn(request) });
      return await answer(reply, organisation, caller.principal);
    });

    addExplainRoute(fastify, deps);
    addPolicyPages(fastify, deps, callerOf);
    done();
  };

  async function answer(
    reply: FastifyReply,
    organisation: string,
    principal: PolicyCaller["principal"],
  ): Promise<FastifyReply> {
    const { text, revision, savedBy, savedAtMs } = await showPolicies(deps, principal, organisation);
    return reply.header("etag", `"${revision}"`).send({
      organisation,
      policies: text,
      revision,
      savedBy: savedBy ?? null,
      savedAt: savedAtMs === undefined ? null : new Date(savedAtMs).toISOString(),
    });
  }
}

function textIn(body: unknown): string {
  const { policies } = (typeof body === "object" && body !== null ? body : {}) as { readonly policies?: unknown };
  if (typeof policies === "string" && policies.trim() !== "") return policies;
  throw new AssayError("BAD_REQUEST", { reason: `its body must be {"policies": "<text in Cedar>"}` });
}

function revisionIn({ headers }: FastifyRequest): number {
  const [, revision] = /^"?([0-9]{1,15})"?$/.exec(headers["if-match"] ?? "") ?? [];
  if (revision === undefined)
    throw new AssayError("BAD_REQUEST", {
      reason:
        "it needs the header if-match with the revision that it was made from, such as 3; 0 when there is none yet",
    });
  return Number(revision);
}
