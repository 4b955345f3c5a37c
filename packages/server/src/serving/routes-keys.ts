import type { FastifyInstance } from "fastify";
import { isNotModified } from "../http/conditional.ts";
import { contentEncoding } from "../http/negotiate.ts";
import { finishedHead, sendBytes } from "../http/send.ts";
import { ownOwner } from "../signing/signing.ts";
import { createKeysDocuments } from "./keys-document.ts";
import type { ServingRoutesDeps } from "./routes.ts";

/**
 * `/-/npm/v1/keys`: our signing keys and every registry's, past ones too. The first request waits for what the
 * registries publish: a signature whose key is not listed fails a client's whole audit. Who wants to be served by some
 * sources only gets the keys of their registries, and ours.
 */
export function addKeyRoutes(fastify: FastifyInstance, { upstreams, keyRing }: ServingRoutesDeps): void {
  const document = createKeysDocuments(keyRing);

  fastify.get("/-/npm/v1/keys", async (request, reply) => {
    await upstreams.keys.ready();
    const choice = await upstreams.choices.of(request.headers.authorization);
    const owners = choice?.only === true ? [ownOwner, ...upstreams.keys.ownersOf(choice.order)] : undefined;
    const accepted = request.headers["accept-encoding"];
    const encoding =
      contentEncoding(typeof accepted === "string" ? accepted : undefined) === "identity" ? "identity" : "gzip";
    const { bytes, etag } = await document(owners, encoding);
    const headers = {
      etag,
      // A new key signs at once, so a list may not be old.
      "cache-control": "public, max-age=0, must-revalidate",
      vary: "accept-encoding, authorization",
    };
    if (isNotModified(request.headers, { etag, lastModifiedMs: undefined })) {
      sendBytes(request, reply, { status: 304, head: finishedHead(headers, undefined), bytes: undefined });
      return;
    }
    const head = finishedHead(
      {
        "content-type": "application/json; charset=utf-8",
        ...(encoding === "gzip" ? { "content-encoding": "gzip" } : {}),
        ...headers,
      },
      bytes.byteLength,
    );
    sendBytes(request, reply, { status: 200, head, bytes });
  });
}
