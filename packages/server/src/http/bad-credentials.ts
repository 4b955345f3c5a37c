import { isAssayError } from "@assay/core";
import type { FastifyInstance } from "fastify";
import type { Credentials } from "./credentials.ts";

/**
 * Makes NOT_FOUND and FORBIDDEN of the routes of this instance what `requireGood` throws for credentials that are not
 * good. Routes that look at credentials only for what is not open to everybody would else tell by their answer which
 * that is.
 */
export function answerBadCredentials(
  fastify: FastifyInstance,
  requireGood: (credentials: Credentials) => Promise<void>,
): void {
  fastify.setErrorHandler(async (error, request) => {
    if (isAssayError(error, "NOT_FOUND") || isAssayError(error, "FORBIDDEN")) await requireGood(request.credentials);
    throw error;
  });
}
