import type { FastifyPluginCallback, FastifyReply } from "fastify";
import type { UpstreamConfig } from "../config/config.ts";
import { parseSourceChoice, type SourceChoice } from "./source-choice.ts";
import type { Upstreams } from "./upstreams.ts";

const path = "/-/assay/v1/sources/choice";

/**
 * `/-/assay/v1/sources/choice`: what the bearer of a token chose (GET), a new choice (PUT), none (DELETE). Each answers
 * `{"choice": {"order", "only"} | null, "sources": [alias, …]}`.
 */
export function sourceChoiceRoutes(deps: {
  readonly upstreams: Pick<Upstreams, "choices">;
  readonly sources: readonly UpstreamConfig[];
}): FastifyPluginCallback {
  const { choices } = deps.upstreams;
  const known = deps.sources.filter(({ kind }) => kind !== "auditor").map(({ name }) => name);
  const answer = (reply: FastifyReply, choice: SourceChoice | undefined): FastifyReply =>
    reply
      .headers({ "cache-control": "no-store", vary: "authorization" })
      .send({ choice: choice ?? null, sources: known });

  return (fastify, _options, done) => {
    fastify.get(path, async ({ headers }, reply) => answer(reply, await choices.require(headers.authorization)));
    fastify.put(path, { bodyLimit: 16 * 1024 }, async ({ headers, body }, reply) => {
      await choices.require(headers.authorization);
      const choice = parseSourceChoice(body, known);
      await choices.set(headers.authorization, choice);
      return answer(reply, choice);
    });
    fastify.delete(path, async ({ headers }, reply) => {
      await choices.set(headers.authorization, undefined);
      return answer(reply, undefined);
    });
    done();
  };
}
