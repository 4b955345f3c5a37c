import { AssayError } from "@assay/core";
import type { FastifyPluginCallback, FastifyRequest } from "fastify";
import { wantsHtml } from "../http/negotiate.ts";

/**
 * What a server of role `log` answers beside `logRoutes`: at `/` what it is, and to whoever takes it for a registry
 * one sentence: 404 for reads (a client then says that the package is not found), 403 for everything else.
 */
export function logOnlyRoutes(about: { readonly version: string }): FastifyPluginCallback {
  return (fastify, _options, done) => {
    fastify.get("/", (request, reply) => {
      if (wantsHtml(request.headers.accept)) return reply.redirect(`${request.base}/-/web/log`, 303);
      return reply
        .headers({ vary: "accept" })
        .send({ name: "assay", role: "log", version: about.version, log: `${request.base}/-/log/` });
    });
    fastify.all("/*", { config: { body: "stream" } }, refuse);
    fastify.all("/-/npm/*", { config: { body: "stream" } }, refuse);
    fastify.all("/-/v1/*", { config: { body: "stream" } }, refuse);
    done();
  };
}

function refuse({ method, url }: FastifyRequest): never {
  const what = `${method} ${url.length > 200 ? `${url.slice(0, 200)}...` : url}`;
  throw new AssayError(method === "GET" || method === "HEAD" ? "NO_REGISTRY" : "NO_REGISTRY_WRITES", { what });
}
