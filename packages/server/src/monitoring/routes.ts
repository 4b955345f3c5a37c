import type { FastifyPluginCallback } from "fastify";
import { findingDocument } from "./finding-document.ts";
import type { Monitor } from "./monitoring.ts";

/** What a monitor tells: `GET /findings?after=<id>`, docs/formats/finding.md. */
export function monitorRoutes({ monitor }: { readonly monitor: Monitor }): FastifyPluginCallback {
  return (fastify, _options, done) => {
    fastify.get<{ Querystring: { readonly after?: unknown } }>("/findings", async (request, reply) => {
      const after = Number(request.query.after ?? 0);
      const findings = await monitor.findings(Number.isSafeInteger(after) ? after : 0);
      reply.header("cache-control", "no-cache");
      return reply.send({ findings: findings.map((finding) => findingDocument(finding)) });
    });
    done();
  };
}
