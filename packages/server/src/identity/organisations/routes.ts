import type { FastifyPluginCallback } from "fastify";
import type { AccessActs } from "./access-acts.ts";
import type { Asking, AskingDeps } from "./routes-asking.ts";
import { addOrganisationPages, type OrganisationPagesDeps } from "./routes-organisation-page.ts";
import { addOrganisationRoutes } from "./routes-organisation.ts";
import { addPackageRoutes } from "./routes-package.ts";

export interface OrganisationRoutesDeps extends OrganisationPagesDeps {
  readonly identity: OrganisationPagesDeps["identity"] & AskingDeps["identity"];
  readonly asking: Asking;
  readonly access: AccessActs;
}

/** `npm org`, `npm team`, `npm access` and pnpm's owners, and making organisations: who asks, may they, what is said. */
export function organisationRoutes(deps: OrganisationRoutesDeps): FastifyPluginCallback {
  const { identity, organisations, asking, access } = deps;
  return (fastify, _options, done) => {
    fastify.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));
    addOrganisationRoutes(fastify, asking, access, organisations);
    addPackageRoutes(fastify, asking, access, { ...identity, organisations });
    addOrganisationPages(fastify, deps, asking, access);
    done();
  };
}
