import { AssayError } from "@assay/core";
import type { FastifyPluginCallback } from "fastify";
import type { Metrics } from "../platform/telemetry/telemetry.ts";

/** One thing without which requests cannot be answered. */
export interface ReadinessCheck {
  /** Short noun, for people: `database`. */
  readonly name: string;
  /** Undefined when ready, else what is missing as a phrase. May throw; must be cheap: probes ask every few seconds. */
  check(): Promise<string | undefined>;
}

/** Paths that probes and scrapers ask by address: they answer for any Host, at the root of the server. */
export const anyHostPaths: ReadonlySet<string> = new Set(["/-/health/live", "/-/health/ready", "/-/metrics"]);

const noStore = { "cache-control": "no-store" };

/** `/-/health/live`, `/-/health/ready`, `/-/metrics` and npm's `/-/ping`. */
export function healthRoutes(deps: {
  readonly metrics: Metrics;
  readonly readiness: readonly ReadinessCheck[];
  readonly isClosing: () => boolean;
}): FastifyPluginCallback {
  return (fastify, _options, done) => {
    fastify.get("/-/health/live", (_request, reply) => {
      void reply.headers(noStore).send({ status: "live" });
    });

    fastify.get("/-/health/ready", async (_request, reply) => {
      const reason = deps.isClosing() ? "the server is shutting down" : await firstProblem(deps.readiness);
      if (reason !== undefined) throw new AssayError("NOT_READY", { reason, retryAfterSeconds: 1 });
      return reply.headers(noStore).send({ status: "ready" });
    });

    fastify.get("/-/metrics", async (_request, reply) =>
      reply
        .headers({ ...noStore, "content-type": "text/plain; version=0.0.4; charset=utf-8" })
        .send(await deps.metrics.render()),
    );

    fastify.get("/-/ping", (_request, reply) => {
      void reply.headers(noStore).send({});
    });
    done();
  };
}

async function firstProblem(checks: readonly ReadinessCheck[]): Promise<string | undefined> {
  for (const each of checks) {
    try {
      const problem = await each.check();
      if (problem !== undefined) return `${each.name}: ${problem}`;
    } catch {
      // What went wrong may name hosts and paths: it is for the log of the room that it belongs to.
      return `${each.name} fails`;
    }
  }
  return undefined;
}
