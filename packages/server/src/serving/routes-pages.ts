import { icon, renderHome, renderPackage, styleSheet, type PackageVersion, type ShownBind } from "@assay/web";
import type { PackageName, Version } from "@assay/core";
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from "fastify";
import type { Bind } from "../checksums/checksums.ts";
import { wantsHtml } from "../http/negotiate.ts";
import { sendPage } from "../http/send.ts";
import { readListed, withParts, type Packument } from "../upstreams/upstreams.ts";
import type { ServingRoutesDeps } from "./routes.ts";

/** The page at `/`, and what all pages share. */
export function addPageRoutes(fastify: FastifyInstance, deps: ServingRoutesDeps): void {
  fastify.get("/", async (request, reply) => {
    if (!wantsHtml(request.headers.accept)) {
      return reply
        .headers({ vary: "accept" })
        .send({ name: "assay", version: deps.about.version, log: `${request.base}/-/log/` });
    }
    const logs = deps.checksums.logs.list().map(({ shard, vkey }) => ({
      shard,
      vkey,
      size: sizeOf(deps.checksums.logs.checkpoint(shard)),
    }));
    const packages = await deps.about.packages();
    return sendPage(
      reply,
      renderHome({
        base: request.base,
        version: deps.about.version,
        upstream: deps.about.upstream,
        packages,
        logs,
      }),
    );
  });

  void fastify.register(pageAssets);
}

/** The style sheet and icon of all pages. */
export const pageAssets: FastifyPluginCallback = (fastify, _options, done) => {
  fastify.get("/-/web/icon.svg", (_request, reply) => {
    void reply.headers({ "content-type": "image/svg+xml", "cache-control": "public, max-age=86400" }).send(icon);
  });

  fastify.get("/-/web/style.css", (_request, reply) => {
    void reply
      .headers({
        "content-type": "text/css; charset=utf-8",
        "cache-control": "public, max-age=300",
      })
      .send(styleSheet);
  });
  done();
};

/** The page at `/{pkg}`. Nothing on it is interpreted: every text is a text node. */
export async function packagePage(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: ServingRoutesDeps,
  name: PackageName,
): Promise<FastifyReply> {
  const { packument, view, refused: unlisted } = await deps.serving.packageView(name);
  const refused = new Map([...unlisted, ...view.refused.map((each) => [each.version, each] as const)]);
  const bound = await deps.checksums.bindsOf(name);
  const listed = [...packument.versions.values()].sort((a, b) => (b.publishedMs ?? 0) - (a.publishedMs ?? 0));
  const latest = packument.versions.get(view.tags["latest"] ?? ("" as Version)) ?? listed[0];
  const bind = latest === undefined ? undefined : bound.get(latest.version);
  const html = renderPackage({
    base: request.base,
    name,
    description: latest === undefined ? undefined : await describe(deps, packument, latest.version),
    source: packument.source,
    isHosted: packument.source === "hosted",
    mirrors: deps.upstreams.sourcesOf(name).filter((alias) => alias !== packument.source),
    stale: packument.stale,
    tags: Object.entries(view.tags).map(([tag, version]) => ({ tag, version })),
    versions: listed.map(({ version, publishedMs, integrity }) => ({
      version,
      published: publishedMs === undefined ? undefined : new Date(publishedMs).toISOString(),
      integrity: bound.get(version)?.integrity ?? integrity,
      bound: originOf(bound.get(version)),
      isRefused: refused.has(version),
    })),
    refused: [...refused].map(([version, { rule, reason }]) => ({ version, rule, reason })),
    bind: bind === undefined ? undefined : showBind(bind),
  });
  return sendPage(reply, html);
}

function showBind(bind: Bind): ShownBind {
  return { ...bind, signer: originOf(bind)?.signer, boundAtMs: bind.claimedAtMs };
}

/** Where bound bytes came from; no signature is `-` in the record. */
function originOf(bind: Bind | undefined): PackageVersion["bound"] {
  return bind && { source: bind.source, signer: bind.signer === "-" ? undefined : bind.signer };
}

async function describe(
  { upstreams }: ServingRoutesDeps,
  packument: Packument,
  version: Version,
): Promise<string | undefined> {
  const manifest = await withParts(upstreams, packument, async (held) => {
    const listed = held.versions.get(version);
    return listed === undefined ? {} : (JSON.parse(await readListed(held, listed, "full")) as Record<string, unknown>);
  });
  return typeof manifest["description"] === "string" ? manifest["description"].slice(0, 500) : undefined;
}

/** The size in a checkpoint: its second line. */
function sizeOf(checkpoint: string | undefined): number {
  return Number(checkpoint?.split("\n", 2)[1] ?? 0);
}
