import { renderPasswordReset, renderPasswordSet } from "@assay/web";
import { AssayError, isAssayError } from "@assay/core";
import type { FastifyInstance } from "fastify";
import { formOf } from "../../http/form.ts";
import type { IdentityRoutesDeps } from "../routes.ts";
import { sendSecretPage } from "./routes-join.ts";

const path = "/-/web/reset-password";

/** The page behind a link by which a person sets a new password. As of `addJoinRoutes`, the secret vouches for the form. */
export function addResetRoutes(fastify: FastifyInstance, { identity }: IdentityRoutesDeps): void {
  const { resets } = identity;
  const nothing = () => new AssayError("NOT_FOUND", { what: "A new password by this link" });

  fastify.get<{ Querystring: { readonly secret?: string | readonly string[] } }>(
    path,
    { config: { secretPath: true } },
    async (request, reply) => {
      const { secret } = request.query;
      if (typeof secret !== "string" || secret.length > 100) throw nothing();
      const name = await resets.look(secret, request.credentials.address);
      if (name === undefined) throw nothing();
      return sendSecretPage(reply, renderPasswordReset({ base: request.base, path, secret, name }));
    },
  );

  fastify.post(path, { config: { secretPath: true, body: "form" } }, async (request, reply) => {
    const form = formOf(request);
    const secret = form.text("secret");
    const { address } = request.credentials;
    try {
      const name = await resets.accept(secret, form.text("password"), address);
      return await sendSecretPage(reply, renderPasswordSet({ base: request.base, name }));
    } catch (error) {
      const name = isAssayError(error, "BAD_REQUEST") ? await resets.look(secret, address) : undefined;
      if (name === undefined) throw error;
      const { message: problem } = error as AssayError;
      return sendSecretPage(reply.code(400), renderPasswordReset({ base: request.base, path, secret, name, problem }));
    }
  });
}
