import type { FastifyPluginCallback } from "fastify";
import { createAsking, type AskingDeps } from "./routes-asking.ts";
import { addOrganisationRoutes } from "./routes-organisation.ts";
import { addPackageRoutes } from "./routes-package.ts";

export type OrganisationRoutesDeps = AskingDeps;

/** `npm org`, `npm team`, `npm access` and pnpm's owners, and making organisations: who asks, may they, what is said. */
export function organisationRoutes(deps: OrganisationRoutesDeps): FastifyPluginCallback {
  const { identity, organisations } = deps;
  const asking = createAsking(deps);
  return (fastify, _options, done) => {
    fastify.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));
    addOrganisationRoutes(fastify, asking, organisations);
    addPackageRoutes(fastify, asking, { ...identity, organisations });
    done();
  };
}
