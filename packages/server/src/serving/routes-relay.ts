import type { FastifyInstance } from "fastify";
import { parseAudit, readAdvisories } from "./advisories.ts";
import type { ServingRoutesDeps } from "./routes.ts";

/** Advisories of the owners, relayed to who may read here at all. */
export function addRelayRoutes(fastify: FastifyInstance, { upstreams, mayRead }: ServingRoutesDeps): void {
  fastify.post("/-/npm/v1/security/advisories/bulk", async (request, reply) => {
    await mayRead(request);
    const { byName, without } = await readAdvisories(upstreams, parseAudit(request.body));
    if (without.length > 0) {
      void reply.header("assay-advisories", `none: no advisories endpoint at ${without.join(", ")}`);
    }
    return reply
      .headers({ "content-type": "application/json; charset=utf-8", "cache-control": "no-store" })
      .send(JSON.stringify(byName));
  });
}
