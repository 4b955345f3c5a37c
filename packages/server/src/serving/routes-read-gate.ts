import { parsePackageName } from "@assay/core";
import type { FastifyInstance } from "fastify";
import type { ServingRoutesDeps } from "./routes.ts";

/**
 * Stands before every read of a package, whatever route it comes through: what is not open to everybody is read by
 * who may. Nothing is looked up before, so that a hidden name and one that is not there take the same way.
 */
export function addReadGate(
  fastify: FastifyInstance,
  { isOpen, requireRead }: Pick<ServingRoutesDeps, "isOpen" | "requireRead">,
): void {
  fastify.addHook("onRequest", (request, _reply, next) => {
    const { name, spec } = request.params as { readonly name?: string; readonly spec?: string };
    const text = name ?? spec?.slice(0, Math.max(spec.lastIndexOf("@"), 0));
    if (text === undefined || (request.method !== "GET" && request.method !== "HEAD")) return next();
    try {
      const read = parsePackageName(text);
      if (isOpen(read)) return next();
      requireRead(request.credentials, read).then(() => next(), next);
    } catch (error) {
      next(error as Error);
    }
  });
}
