import type { FastifyReply } from "fastify";

/** Aborted when the client goes away, so that nobody waits on its behalf. */
export function closeSignal(reply: FastifyReply): AbortSignal {
  const closed = new AbortController();
  reply.raw.once("close", () => closed.abort());
  return closed.signal;
}
