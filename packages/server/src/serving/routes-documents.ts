import { AssayError, parsePackageName, parseVersion, type Version } from "@assay/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isNotModified, matchesEtag } from "../http/conditional.ts";
import { contentEncoding, packumentForm, wantsHtml } from "../http/negotiate.ts";
import { finishedHead, sendBytes, type FinishedHead } from "../http/send.ts";
import { readVersion } from "./manifest.ts";
import { documentHeaders, packumentHeaders } from "./answers.ts";
import { contentEtags, type Document } from "./documents.ts";
import { packagePage } from "./routes-pages.ts";
import type { ServingRoutesDeps } from "./routes.ts";
import type { View } from "./view.ts";

/** Packuments in both forms, single versions and tags, dist-tags. */
export function addDocumentRoutes(fastify: FastifyInstance, deps: ServingRoutesDeps): void {
  const { serving, answers } = deps;

  fastify.get<{ Params: { name: string }; Querystring: { write?: unknown } }>("/:name", async (request, reply) => {
    const name = parsePackageName(request.params.name);
    const { accept, "accept-encoding": acceptEncoding } = request.headers;
    if (wantsHtml(accept)) return packagePage(request, reply, deps, name);
    // Who will send it back changed needs all of it, whatever else it says it accepts.
    const form = request.query.write === "true" ? "full" : packumentForm(accept);
    const encoding = contentEncoding(typeof acceptEncoding === "string" ? acceptEncoding : undefined);
    const document = await serving.documents.get({ name, base: request.base, form, encoding });
    return sendDocument(request, reply, document, () => answers.documentHead(document, form, encoding));
  });

  fastify.get<{ Params: { name: string; version: string } }>("/:name/:version", async (request, reply) => {
    const name = parsePackageName(request.params.name);
    const { packument, view } = await serving.packageView(name);
    const wanted = tagged(view, request.params.version) ?? parseVersion(request.params.version);
    const text = await readVersion(deps, {
      packument,
      view,
      version: wanted,
      base: request.base,
      tarballs: serving.documents.tarballs(packument),
    });
    return reply
      .headers({
        "content-type": "application/json; charset=utf-8",
        ...packumentHeaders(packument.stale),
      })
      .send(text);
  });

  fastify.get<{ Params: { name: string } }>("/-/package/:name/dist-tags", async (request, reply) => {
    const { packument, view } = await serving.packageView(parsePackageName(request.params.name));
    return reply.headers(packumentHeaders(packument.stale)).send(view.tags);
  });

  fastify.get<{ Params: { name: string; tag: string } }>("/-/package/:name/dist-tags/:tag", async (request, reply) => {
    const name = parsePackageName(request.params.name);
    const { packument, view } = await serving.packageView(name);
    const version = tagged(view, request.params.tag);
    if (version === undefined) throw new AssayError("NOT_FOUND", { what: `The tag ${request.params.tag} of ${name}` });
    return reply
      .headers({
        "content-type": "application/json; charset=utf-8",
        ...packumentHeaders(packument.stale),
      })
      .send(JSON.stringify(version));
  });
}

function tagged(view: View, tag: string): Version | undefined {
  return Object.hasOwn(view.tags, tag) ? view.tags[tag] : undefined;
}

function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  document: Document,
  makeHead: () => FinishedHead,
): void {
  const held = heldEtag(request.headers["if-none-match"], document);
  if (isNotModified(request.headers, { etag: held, lastModifiedMs: document.modifiedMs })) {
    sendBytes(request, reply, {
      status: 304,
      head: finishedHead({ ...documentHeaders(document), etag: held }, undefined),
      bytes: undefined,
    });
    return;
  }
  sendBytes(request, reply, { status: 200, head: makeHead(), bytes: document.bytes });
}

/**
 * The ETag that the client holds this very content under, in whatever encoding it was sent: whoever asks for it with
 * another `Accept-Encoding` has no need of it. Else that of the document.
 */
function heldEtag(header: string | undefined, document: Document): string {
  if (header === undefined) return document.etag;
  return contentEtags(document).find((etag) => matchesEtag(header, etag)) ?? document.etag;
}
