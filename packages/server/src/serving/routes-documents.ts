import { AssayError, parsePackageName, parseVersion, type Version } from "@assay/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { formatHttpDate, isNotModified } from "../http/conditional.ts";
import { abbreviatedType, contentEncoding, packumentForm, wantsHtml } from "../http/negotiate.ts";
import { finishedHead, sendBytes, type FinishedHead } from "../http/send.ts";
import { readVersion } from "./manifest.ts";
import type { Document, Form } from "./documents.ts";
import type { Encoding } from "./render.ts";
import { packagePage } from "./routes-pages.ts";
import type { ServingRoutesDeps } from "./routes.ts";
import type { View } from "./view.ts";

/** Clients ask again each time; an unchanged document costs them a 304. */
const cacheControl = "public, max-age=0, must-revalidate";
const vary = "accept, accept-encoding";

/** Packuments in both forms, single versions and tags, dist-tags. */
export function addDocumentRoutes(fastify: FastifyInstance, deps: ServingRoutesDeps): void {
  const { serving } = deps;
  const heads = new WeakMap<Uint8Array, FinishedHead>();

  fastify.get<{ Params: { name: string } }>("/:name", async (request, reply) => {
    const name = parsePackageName(request.params.name);
    const { accept, "accept-encoding": acceptEncoding } = request.headers;
    if (wantsHtml(accept)) return packagePage(request, reply, deps, name);
    const form = packumentForm(accept);
    const encoding = contentEncoding(typeof acceptEncoding === "string" ? acceptEncoding : undefined);
    const document = await serving.documents.get({ name, base: request.base, form, encoding });
    return sendDocument(request, reply, { document, form, encoding, heads });
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
    });
    return reply
      .headers({
        "content-type": "application/json; charset=utf-8",
        "cache-control": cacheControl,
        ...staleHeader(packument.stale),
      })
      .send(text);
  });

  fastify.get<{ Params: { name: string } }>("/-/package/:name/dist-tags", async (request, reply) => {
    const { packument, view } = await serving.packageView(parsePackageName(request.params.name));
    return reply.headers({ "cache-control": cacheControl, ...staleHeader(packument.stale) }).send(view.tags);
  });

  fastify.get<{ Params: { name: string; tag: string } }>("/-/package/:name/dist-tags/:tag", async (request, reply) => {
    const name = parsePackageName(request.params.name);
    const { packument, view } = await serving.packageView(name);
    const version = tagged(view, request.params.tag);
    if (version === undefined) throw new AssayError("NOT_FOUND", { what: `The tag ${request.params.tag} of ${name}` });
    return reply
      .headers({
        "content-type": "application/json; charset=utf-8",
        ...staleHeader(packument.stale),
      })
      .send(JSON.stringify(version));
  });
}

function tagged(view: View, tag: string): Version | undefined {
  return Object.hasOwn(view.tags, tag) ? view.tags[tag] : undefined;
}

interface Answer {
  readonly document: Document;
  readonly form: Form;
  readonly encoding: Encoding;
  /** Finished heads of documents in memory, so that a warm read formats nothing. */
  readonly heads: WeakMap<Uint8Array, FinishedHead>;
}

function sendDocument(request: FastifyRequest, reply: FastifyReply, { document, form, encoding, heads }: Answer): void {
  if (isNotModified(request.headers, { etag: document.etag, lastModifiedMs: document.modifiedMs })) {
    const headers = {
      etag: document.etag,
      "cache-control": cacheControl,
      vary,
      ...staleHeader(document.stale),
    };
    sendBytes(request, reply, {
      status: 304,
      head: finishedHead(headers, undefined),
      bytes: undefined,
    });
    return;
  }
  let head = document.stale === undefined ? heads.get(document.bytes) : undefined;
  if (head === undefined) {
    head = finishedHead(documentHeaders(document, form, encoding), document.bytes.byteLength);
    if (document.stale === undefined) heads.set(document.bytes, head);
  }
  sendBytes(request, reply, { status: 200, head, bytes: document.bytes });
}

function documentHeaders(document: Document, form: Form, encoding: Encoding): Record<string, string> {
  return {
    "content-type": form === "abbreviated" ? abbreviatedType : "application/json",
    ...(encoding === "identity" ? {} : { "content-encoding": encoding }),
    "cache-control": cacheControl,
    etag: document.etag,
    "last-modified": formatHttpDate(document.modifiedMs),
    vary,
    ...staleHeader(document.stale),
  };
}

/** Says that the upstream could not be asked, and why (RFC 9211 names the shape). */
function staleHeader(stale: string | undefined): Record<string, string> {
  return stale === undefined
    ? {}
    : {
        "cache-status": `assay; hit; detail="${stale.replace(/[^ -!#-[\]-~]/g, "?")}"`,
        warning: '110 assay "Response is Stale"',
      };
}
