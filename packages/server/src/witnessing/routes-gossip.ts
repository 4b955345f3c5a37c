import type { FastifyPluginCallback } from "fastify";
import { readRawBody } from "../http/body.ts";
import { maxGossipBytes, type Gossip } from "./gossip.ts";

/** `POST /-/log/gossip`: docs/formats/gossip.md. */
export function gossipRoutes({ gossip }: { readonly gossip: Pick<Gossip, "receive"> }): FastifyPluginCallback {
  return (fastify, _options, done) => {
    fastify.post("/-/log/gossip", { config: { body: "stream" } }, async (request, reply) => {
      const answer = await gossip.receive(await readRawBody(request, maxGossipBytes));
      reply.header("cache-control", "no-store");
      if (answer.status === 409)
        return reply.code(409).header("content-type", "application/json; charset=utf-8").send(answer.fork);
      const { status, ...body } = answer;
      return reply.code(status).send(body);
    });
    done();
  };
}
