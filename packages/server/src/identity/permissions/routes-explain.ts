import { AssayError, isAssayError } from "@assay/core";
import type { FastifyInstance } from "fastify";
import type { Identity } from "../identity.ts";
import { parseWhat } from "./asked.ts";
import type { Explanation } from "./explain.ts";
import { describeResource } from "./question.ts";

export interface ExplainRoutesDeps {
  readonly identity: Pick<Identity, "authenticate">;
  readonly permissions: Pick<Identity["permissions"], "require" | "decide">;
  readonly names: Parameters<typeof describeResource>[0];
  readonly explain: (asked: {
    readonly who: string;
    readonly action: string;
    readonly what: string;
  }) => Promise<Explanation>;
}

/** `GET /-/assay/v1/policies/explain?who=&action=&what=`, for who administers the organisation, or the registry; the facts are for the latter alone. */
export function addExplainRoute(
  fastify: FastifyInstance,
  { identity, permissions, names, explain }: ExplainRoutesDeps,
): void {
  fastify.get("/-/assay/v1/policies/explain", async ({ credentials, query }) => {
    const { who, action, what } = query as Readonly<Record<string, unknown>>;
    const principal = await identity.authenticate(credentials);
    if (typeof who !== "string" || typeof action !== "string" || typeof what !== "string")
      throw new AssayError("BAD_REQUEST", {
        reason: "it needs who, action and what, such as ada, publish and @acme/ui",
      });
    try {
      const { organisation } = describeResource(names, parseWhat(what));
      await permissions.require(
        principal,
        "administer",
        organisation === undefined ? { kind: "registry" } : { kind: "organisation", name: organisation },
      );
      const explanation = await explain({ who, action, what });
      const { allowed: isOperator } = await permissions.decide(principal, "administer", { kind: "registry" });
      // They say where else somebody belongs, which is for nobody of one organisation.
      return isOperator ? explanation : { ...explanation, facts: [] };
    } catch (error) {
      // At a terminal it would be the command that is wrong.
      if (!isAssayError(error, "USAGE")) throw error;
      throw new AssayError("BAD_REQUEST", { reason: error.details.reason.replace(/\.$/, "") }, { cause: error });
    }
  });
}
