import type { FastifyPluginCallback } from "fastify";
import { createAccessActs } from "./access-acts.ts";
import { createAsking, type AskingDeps } from "./routes-asking.ts";
import { addOrganisationPages, type OrganisationPagesDeps } from "./routes-organisation-page.ts";
import { addOrganisationRoutes } from "./routes-organisation.ts";
import { addPackageRoutes } from "./routes-package.ts";

export type OrganisationRoutesDeps = AskingDeps & OrganisationPagesDeps;

/** `npm org`, `npm team`, `npm access` and pnpm's owners, and making organisations: who asks, may they, what is said. */
export function organisationRoutes(deps: OrganisationRoutesDeps): FastifyPluginCallback {
  const { identity, organisations } = deps;
  const asking = createAsking(deps);
  const acts = createAccessActs(asking, organisations);
  return (fastify, _options, done) => {
    fastify.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));
    addOrganisationRoutes(fastify, asking, acts, organisations);
    addPackageRoutes(fastify, asking, acts, { ...identity, organisations });
    addOrganisationPages(fastify, deps, asking, acts);
    done();
  };
}
