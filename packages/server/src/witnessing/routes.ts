import { AssayError, formatTreeSize, maxAddCheckpointBytes, sizeContentType } from "@assay/core";
import type { FastifyPluginCallback, FastifyReply } from "fastify";
import { readRawBody } from "../http/body.ts";
import type { Witness } from "./witnessing.ts";

/** The HTTP side of a witness: docs/formats/witness-protocol.md. */
export function witnessRoutes({ witness }: { readonly witness: Witness }): FastifyPluginCallback {
  return (fastify, _options, done) => {
    fastify.addHook("onRequest", (request, reply, next) => {
      // What a witness has seen is for everybody, pages of any origin included.
      if (request.method === "GET") reply.raw.setHeader("access-control-allow-origin", "*");
      next();
    });

    fastify.post("/add-checkpoint", { config: { body: "stream" } }, async (request, reply) => {
      const answer = await witness.addCheckpoint(await readRawBody(request, maxAddCheckpointBytes));
      reply.header("cache-control", "no-store");
      if (answer.status === 200) return sendText(reply, answer.lines);
      // No charset behind it: the content type is compared as a whole.
      return reply
        .code(409)
        .header("content-type", sizeContentType)
        .send(Buffer.from(formatTreeSize(answer.size)));
    });

    fastify.get<{ Params: { readonly hash: string } }>("/:hash/checkpoint", async (request, reply) => {
      const note = await witness.checkpoint(request.params.hash);
      if (note === undefined) throw new AssayError("NOT_FOUND", { what: "A checkpoint of this log" });
      return sendText(reply.header("cache-control", "no-cache"), note);
    });

    fastify.get<{ Params: { readonly hash: string } }>("/:hash/forks", async (request, reply) => {
      const documents = await witness.forks(request.params.hash);
      if (documents === undefined) throw new AssayError("NOT_FOUND", { what: "This log" });
      reply.header("cache-control", "no-cache");
      return reply.send({ forks: documents.map((text) => JSON.parse(text) as unknown) });
    });

    fastify.get("/", async (_request, reply) =>
      sendText(reply.header("cache-control", "no-cache"), await about(witness)),
    );

    fastify.get("/logs", async (_request, reply) => {
      const logs = (await witness.logs()).map(({ origin, vkey, url, size, cosignedAt }) => ({
        origin,
        vkey,
        url: url ?? null,
        size: size ?? null,
        cosignedAt: cosignedAt ?? null,
      }));
      reply.header("cache-control", "no-cache");
      return reply.send({ logs });
    });
    done();
  };
}

/** For people who open the address in a browser. */
async function about(witness: Witness): Promise<string> {
  const logs = await witness.logs();
  return [
    "This is a witness of transparency logs (c2sp.org/tlog-witness). It cosigns a checkpoint when the log only grew.",
    "",
    "Its keys:",
    ...witness.vkeys.map((vkey) => `  ${vkey}`),
    "",
    logs.length === 0 ? "It watches no log." : "It watches:",
    ...logs.map(({ origin, size }) => `  ${origin}${size === undefined ? "" : `, ${size} entries cosigned`}`),
    "",
  ].join("\n");
}

function sendText(reply: FastifyReply, text: string): FastifyReply {
  return reply.header("content-type", "text/plain; charset=utf-8").send(text);
}
