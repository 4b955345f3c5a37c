import { AssayError, isAssayError, parsePackageName } from "@assay/core";
import type { FastifyInstance } from "fastify";
import { answerBadCredentials } from "../http/bad-credentials.ts";
import type { ServingRoutesDeps } from "./routes.ts";

/**
 * Stands before every read of a package, whatever route it comes through: what is not open to everybody is read by
 * who may. Nothing is looked up before, so that a hidden name and one that is not there take the same way.
 *
 * What is open is read whatever token a client sends with it, as npm's registry does: clients send one for all. But with
 * a token that is not good a hidden name is UNAUTHORIZED, so a name that is not there must be it too.
 */
export function addReadGate(
  fastify: FastifyInstance,
  { isOpen, requireRead, requireGood }: Pick<ServingRoutesDeps, "isOpen" | "requireRead" | "requireGood">,
): void {
  answerBadCredentials(fastify, requireGood);
  fastify.addHook("onRequest", (request, _reply, next) => {
    const { name, spec } = request.params as { readonly name?: string; readonly spec?: string };
    const text = name ?? spec?.slice(0, Math.max(spec.lastIndexOf("@"), 0));
    if (text === undefined || (request.method !== "GET" && request.method !== "HEAD")) return next();
    try {
      const read = parsePackageName(text);
      if (isOpen(read)) return next();
      requireRead(request.credentials, read).then(
        () => next(),
        (error: unknown) => next(asMissing(error, spec)),
      );
    } catch (error) {
      next(error as Error);
    }
  });
}

/** A hidden package in the words for what is asked of one that is not there. */
function asMissing(error: unknown, spec: string | undefined): Error {
  if (spec === undefined || !isAssayError(error, "NOT_FOUND")) return error as Error;
  return new AssayError("NOT_FOUND", { what: `Attestations of ${spec}` }, { cause: error });
}
