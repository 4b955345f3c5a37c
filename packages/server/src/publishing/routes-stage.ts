import { AssayError, parsePackageName } from "@assay/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { wantsHtml } from "../http/negotiate.ts";
import { finishedHead, sendStream } from "../http/send.ts";
import { bodyOf, type PublishingRoutesDeps } from "./routes-deps.ts";
import { stageDocument } from "./stage/document.ts";
import type { Decider } from "./stage/stage.ts";
import type { Writer } from "./writer.ts";

/** Clients print it beside what they say themselves. One line of printable ASCII. */
export function tell(reply: FastifyReply, notice: string | undefined): void {
  if (notice !== undefined) void reply.header("npm-notice", notice);
}

interface ById {
  readonly Params: { readonly id: string };
}

/** npm's API of staged publishing, as `npm stage`, `pnpm stage` and `yarn npm stage` call it. */
export function addStageRoutes(
  fastify: FastifyInstance,
  deps: PublishingRoutesDeps,
  who: (request: FastifyRequest) => Promise<Writer>,
): void {
  const { identity, publishing, hosting } = deps;
  const { staging } = publishing;
  // Clients send no body, or an empty one of any type.
  const streamed = { config: { body: "stream" } } as const;

  fastify.post<{ Params: { name: string } }>("/-/stage/package/:name", streamed, async (request, reply) => {
    const name = parsePackageName(request.params.name);
    const writer = await who(request);
    await hosting.organisations.ensurePersonal(writer.principal, name);
    const { id: stageId, notice } = await staging.put(writer, name, bodyOf(request));
    tell(reply, notice);
    return reply.status(201).send({ message: "Package version staged successfully.", stageId });
  });

  fastify.get("/-/stage", async (request, reply) => {
    if (wantsPage(request, reply)) return reply.redirect(`${request.base}/-/web/stage`, 302);
    const { package: name, page, perPage } = request.query as Readonly<Record<string, unknown>>;
    if (name !== undefined && typeof name !== "string")
      throw new AssayError("BAD_REQUEST", { reason: "package must be one name" });
    const asked = {
      name: name === undefined ? undefined : parsePackageName(name),
      page: whole("page", page, 0, { from: 0, to: 1_000_000 }),
      perPage: whole("perPage", perPage, 10, { from: 1, to: 100 }),
    };
    const principal = await identity.authenticate(request.credentials);
    const { stages, total } = await staging.list(principal, asked);
    return reply.send({ items: stages.map(stageDocument), page: asked.page, perPage: asked.perPage, total });
  });

  fastify.get<ById>("/-/stage/:id", async (request, reply) => {
    if (wantsPage(request, reply))
      return reply.redirect(`${request.base}/-/web/stage/${encodeURIComponent(request.params.id)}`, 302);
    const principal = await identity.authenticate(request.credentials);
    return reply.send(stageDocument(await staging.find(principal, request.params.id)));
  });

  fastify.get<ById>("/-/stage/:id/tarball", async (request, reply) => {
    const principal = await identity.authenticate(request.credentials);
    const { sizeBytes, stream } = await staging.open(principal, request.params.id);
    const headers = { "content-type": "application/octet-stream", "cache-control": "no-store" };
    await sendStream(request, reply, { status: 200, head: finishedHead(headers, sizeBytes), stream });
  });

  fastify.post<ById>("/-/stage/:id/approve", streamed, async (request, reply) => {
    await staging.approve(await deciderOf(deps, request), request.params.id);
    return reply.status(201).send({ message: "Package version approved and published successfully." });
  });

  fastify.delete<ById>("/-/stage/:id", streamed, async (request, reply) => {
    await staging.reject(await deciderOf(deps, request), request.params.id);
    return reply.status(204).send();
  });
}

/**
 * Who decides, and gives a proof for it: everybody each time, with a second factor, or where neither the account has one
 * nor the package wants one with the password in a browser.
 */
export async function deciderOf(
  { identity, names }: Pick<PublishingRoutesDeps, "identity" | "names">,
  { base, credentials }: Pick<FastifyRequest, "base" | "credentials">,
): Promise<Decider> {
  const principal = await identity.authenticate(credentials);
  return {
    principal,
    confirm: (operation, name) =>
      identity.signIn.stepUps.require(
        principal,
        { base, credentials },
        { ...operation, need: names.find(name)?.publishRequiresTfa === true ? "enrolled" : "always" },
      ),
  };
}

function wantsPage({ headers }: FastifyRequest, reply: FastifyReply): boolean {
  reply.header("vary", "accept");
  return wantsHtml(headers.accept);
}

function whole(
  name: string,
  value: unknown,
  fallback: number,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  if (value === undefined) return fallback;
  const number = typeof value === "string" && /^\d{1,7}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= from && number <= to) return number;
  throw new AssayError("BAD_REQUEST", { reason: `${name} must be a whole number from ${from} to ${to}` });
}
