import { AssayError } from "@assay/core";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { exchangeOf } from "./exchange.ts";

interface KnownRoute {
  readonly method: string;
  readonly segments: readonly string[];
}

/**
 * What answers a request that no route takes: 405 with the methods that the path has, else 404.
 * Add it before the routes, so that it learns of all of them.
 *
 * `/-/…` never reaches the routes of packages: a name cannot start there.
 */
export function addNotFound(fastify: FastifyInstance): void {
  const known: KnownRoute[] = [];
  const refuse = (request: FastifyRequest): never => {
    const exchange = exchangeOf(request.raw);
    exchange.route = undefined;
    const path = exchange.path ?? "/";
    const methods = methodsOf(known, path);
    const method = request.raw.method ?? "";
    if (methods.length > 0 && !methods.includes(method)) {
      throw new AssayError("METHOD_NOT_ALLOWED", { method, allow: methods.join(", ") });
    }
    throw new AssayError("NOT_FOUND", { what: path.length > 200 ? `${path.slice(0, 200)}...` : path });
  };
  fastify.setNotFoundHandler(refuse);
  fastify.all("/-", { config: { body: "stream" } }, refuse);
  fastify.all("/-/*", { config: { body: "stream" } }, refuse);
  // From here on: the two catch-alls are no answers.
  fastify.addHook("onRoute", ({ method, url }) => {
    for (const each of [method].flat()) known.push({ method: each, segments: url.split("/").slice(1) });
  });
}

function methodsOf(known: readonly KnownRoute[], path: string): readonly string[] {
  const segments = path.split("/").slice(1);
  const found = known.filter((route) => matches(route.segments, segments)).map((route) => route.method);
  return [...new Set(found)].sort();
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    const part = pattern[i] ?? "";
    const segment = segments[i];
    if (part === "*") return segment !== undefined && (i > 0 || segment !== "-");
    if (segment === undefined) return false;
    if (part.includes(":") ? i === 0 && segment === "-" : part !== segment) return false;
  }
  return pattern.length === segments.length;
}
