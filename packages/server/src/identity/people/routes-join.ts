import { renderJoin, renderJoined } from "@assay/web";
import { AssayError, isAssayError } from "@assay/core";
import type { FastifyInstance, FastifyReply } from "fastify";
import { formOf } from "../../http/form.ts";
import { sendPage } from "../../http/send.ts";
import type { IdentityRoutesDeps } from "../routes.ts";

/** What a person can mend in the form. */
const mendable = ["BAD_REQUEST", "CONFLICT", "UNAUTHORIZED"] as const;

/**
 * `/-/web/first-run` and `/-/web/invite`: the page behind a link by which one person makes an account. The secret of
 * the link vouches for the form: it is no other site's to send. Only the pattern of the path is logged.
 */
export function addJoinRoutes(fastify: FastifyInstance, { identity }: IdentityRoutesDeps): void {
  const { invitations } = identity;
  for (const [path, kind] of [
    ["/-/web/first-run", "first-run"],
    ["/-/web/invite", "invite"],
  ] as const) {
    fastify.get<{ Querystring: { readonly secret?: string | readonly string[] } }>(
      path,
      { config: { secretPath: true } },
      async (request, reply) => {
        const { secret } = request.query;
        const found =
          typeof secret === "string" && secret.length <= 100
            ? await invitations.look(secret, request.credentials.address)
            : undefined;
        if (typeof secret !== "string" || found !== kind)
          throw new AssayError("NOT_FOUND", { what: "An invitation by this link" });
        return sendSecretPage(reply, renderJoin({ base: request.base, path, secret, isFirst: kind === "first-run" }));
      },
    );

    fastify.post(path, { config: { secretPath: true, body: "form" } }, async (request, reply) => {
      const form = formOf(request);
      const secret = form.text("secret");
      const joining = { name: form.text("name"), password: form.text("password"), email: form.text("email") };
      try {
        const { name } = await invitations.accept(secret, joining, request.credentials.address);
        return await sendSecretPage(reply, renderJoined({ base: request.base, name }));
      } catch (error) {
        if (!mendable.some((code) => isAssayError(error, code))) throw error;
        const { message: problem } = error as AssayError;
        const { name, email } = joining;
        const asked = { base: request.base, path, secret, isFirst: kind === "first-run", name, email, problem };
        return sendSecretPage(reply.code(400), renderJoin(asked));
      }
    });
  }
}

/** The address of the page holds a secret: no other site is told it, and the form still says where it comes from. */
export function sendSecretPage(reply: FastifyReply, html: string): FastifyReply {
  return sendPage(reply.header("referrer-policy", "strict-origin"), html);
}
