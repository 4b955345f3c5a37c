import { AssayError, parsePackageName, parseVersion, unscopedName } from "@assay/core";
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from "fastify";
import type { Principal } from "../identity/identity.ts";
import { bodyOf, type PublishingRoutesDeps } from "./routes-deps.ts";
import { addSettingsPage } from "./routes-settings-page.ts";
import { addStagePages } from "./routes-stage-pages.ts";
import { addStageRoutes, tell } from "./routes-stage.ts";
import { createWriter, type Writer } from "./writer.ts";

/** npm's API for writers. A body is read only by whoever may send it. */
export function publishingRoutes(deps: PublishingRoutesDeps): FastifyPluginCallback {
  const { identity, names, publishing, hosting, sending } = deps;
  const { stepUps } = identity.signIn;
  /** Who sends a change. */
  async function who({ base, credentials }: FastifyRequest): Promise<Writer> {
    const { authenticate } = identity;
    const principal = await authenticate(credentials);
    const sender = senderOf(principal);
    if (sender !== undefined) sending?.take(sender);
    return createWriter({ authenticate, stepUps, names }, principal, { base, credentials });
  }
  const streamed = { config: { body: "stream" } } as const;

  return (fastify: FastifyInstance, _options, done) => {
    // Nothing of what is answered here may be kept by anybody.
    fastify.addHook("onRequest", async (_request, reply) => void reply.header("cache-control", "no-store"));

    fastify.put<{ Params: { name: string } }>("/:name", streamed, async (request, reply) => {
      const name = parsePackageName(request.params.name);
      const writer = await who(request);
      // npm 10 and 11 send the package with who starred it; what they were told to do stands in the header alone.
      const command = request.headers["npm-command"];
      if (command === "star" || command === "unstar") {
        await hosting.stars.set(writer.principal, name, command === "star");
        return reply.send({ success: true, ok: true, id: name });
      }
      await hosting.organisations.ensurePersonal(writer.principal, name);
      const put = await publishing.put(writer, name, bodyOf(request));
      if (put.kind === "published") tell(reply, put.notice);
      return reply.status(put.kind === "published" ? 201 : 200).send({ success: true, ok: true, id: name });
    });

    fastify.put<{ Params: { name: string; revision: string } }>(
      "/:name/-rev/:revision",
      streamed,
      async (request, reply) => {
        const name = parsePackageName(request.params.name);
        await publishing.replace(await who(request), name, request.params.revision, bodyOf(request));
        return reply.send({ success: true, ok: true, id: name });
      },
    );

    fastify.delete<{ Params: { name: string; revision: string } }>("/:name/-rev/:revision", async (request, reply) => {
      const name = parsePackageName(request.params.name);
      await publishing.remove(await who(request), name, request.params.revision);
      return reply.send({ success: true, ok: true });
    });

    fastify.delete<{ Params: { name: string; file: string; revision: string } }>(
      "/:name/-/:file/-rev/:revision",
      async (request, reply) => {
        const name = parsePackageName(request.params.name);
        const prefix = `${unscopedName(name)}-`;
        const { file } = request.params;
        if (!file.startsWith(prefix) || !file.endsWith(".tgz"))
          throw new AssayError("NOT_FOUND", { what: `That file of ${name}` });
        const version = parseVersion(file.slice(prefix.length, -".tgz".length));
        await publishing.removeFile(await who(request), name, version);
        return reply.send({ success: true, ok: true });
      },
    );

    for (const method of ["PUT", "POST"] as const)
      fastify.route<{ Params: { name: string; tag: string } }>({
        method,
        url: "/-/package/:name/dist-tags/:tag",
        bodyLimit: 4096,
        handler: async (request, reply) => {
          const name = parsePackageName(request.params.name);
          await publishing.setTag(await who(request), name, request.params.tag, request.body);
          return reply.status(201).send({ success: true, ok: true });
        },
      });

    fastify.delete<{ Params: { name: string; tag: string } }>(
      "/-/package/:name/dist-tags/:tag",
      async (request, reply) => {
        const name = parsePackageName(request.params.name);
        await publishing.deleteTag(await who(request), name, request.params.tag);
        return reply.send({ success: true, ok: true });
      },
    );
    addStageRoutes(fastify, deps, who);
    addStagePages(fastify, deps);
    addSettingsPage(fastify, deps, who);
    done();
  };
}

/**
 * Whose number of changes a request takes from; undefined: nobody's. Strangers, and tokens that change nothing, are
 * refused before anything of theirs is read, and use up nobody's number; a token for stages alone uses up one of its own.
 */
function senderOf({ kind, id, grant }: Principal): string | undefined {
  if (kind === "anonymous" || grant?.level === "read-only") return undefined;
  return grant?.level === "stage-only" ? `${id} stage-only` : id;
}
