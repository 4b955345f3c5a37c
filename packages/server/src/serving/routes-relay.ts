import { buffer } from "node:stream/consumers";
import { AssayError, parsePackageName, parseVersion } from "@assay/core";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../platform/clock.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import { search, type SearchQuery } from "./search.ts";
import type { ServingRoutesDeps } from "./routes.ts";

const relayedBytes = 1024 * 1024;
const keysMaxAgeMs = 5 * 60 * 1000;

/** Search over what is known here; signing keys, attestations and advisories of the upstream, relayed. */
export function addRelayRoutes(fastify: FastifyInstance, { upstreams, clock }: ServingRoutesDeps): void {
  const keys = createKeys(upstreams, clock);

  fastify.get<{ Querystring: Record<string, string | string[] | undefined> }>(
    "/-/v1/search",
    async (request, reply) => {
      const query = parseSearch(request.query);
      return reply
        .header("cache-control", "no-store")
        .send(await search(upstreams, request.base, query, new Date(clock.now()).toISOString()));
    },
  );

  fastify.get("/-/npm/v1/keys", async (_request, reply) => {
    const document = await keys();
    if (document === undefined)
      throw new AssayError("NOT_FOUND", {
        what: "The upstream publishes no signing keys: this document",
      });
    return reply
      .headers({
        "content-type": "application/json; charset=utf-8",
        "cache-control": "public, max-age=300",
      })
      .send(document);
  });

  fastify.get<{ Params: { spec: string } }>("/-/npm/v1/attestations/:spec", async (request, reply) => {
    const at = request.params.spec.lastIndexOf("@");
    const name = parsePackageName(request.params.spec.slice(0, Math.max(at, 0)));
    const version = parseVersion(request.params.spec.slice(at + 1));
    const path = `/-/npm/v1/attestations/${name.replace("/", "%2f")}@${encodeURIComponent(version)}`;
    const answer = await relay(upstreams, { method: "GET", path, maxBytes: relayedBytes });
    if (answer === undefined) throw new AssayError("NOT_FOUND", { what: `Attestations of ${name}@${version}` });
    return reply.header("content-type", "application/json; charset=utf-8").send(answer);
  });

  fastify.post("/-/npm/v1/security/advisories/bulk", async (request, reply) => {
    const body = Buffer.from(JSON.stringify(parseAudit(request.body)));
    const headers = { "content-type": "application/json" };
    const answer = await relay(upstreams, {
      method: "POST",
      path: "/-/npm/v1/security/advisories/bulk",
      headers,
      body,
      maxBytes: relayedBytes,
    });
    if (answer === undefined) void reply.header("assay-advisories", "none: the upstream has no advisories endpoint");
    return reply
      .headers({ "content-type": "application/json; charset=utf-8", "cache-control": "no-store" })
      .send(answer ?? "{}");
  });
}

/** The upstream's signing keys: remembered while they are young, kept in memory while it cannot be asked. */
function createKeys(upstreams: Upstreams, clock: Clock): () => Promise<Buffer | undefined> {
  let kept: { readonly document: Buffer | undefined; readonly atMs: number } | undefined;
  return async () => {
    if (kept !== undefined && clock.monotonicMs() - kept.atMs < keysMaxAgeMs) return kept.document;
    try {
      kept = {
        document: await relay(upstreams, {
          method: "GET",
          path: "/-/npm/v1/keys",
          maxBytes: 1024 * 1024,
        }),
        atMs: clock.monotonicMs(),
      };
    } catch (error) {
      if (kept === undefined) throw error;
    }
    return kept.document;
  };
}

/**
 * The JSON that the upstream answers, or undefined when it has no such endpoint. Throws UPSTREAM_BAD_ANSWER
 * for anything that is not JSON, and what `relay` throws when it cannot be reached.
 */
async function relay(upstreams: Upstreams, request: Parameters<Upstreams["relay"]>[0]): Promise<Buffer | undefined> {
  const answer = await upstreams.relay({
    ...request,
    headers: { accept: "application/json", ...request.headers },
  });
  const bytes = await buffer(answer.body);
  if (answer.status >= 400 && answer.status < 500) return undefined;
  const source = "upstream";
  if (answer.status !== 200)
    throw new AssayError("UPSTREAM_BAD_ANSWER", {
      source,
      reason: `status ${answer.status} for ${request.path}`,
    });
  try {
    JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new AssayError("UPSTREAM_BAD_ANSWER", { source, reason: `${request.path} is not JSON` }, { cause });
  }
  return bytes;
}

function parseSearch(query: Readonly<Record<string, string | string[] | undefined>>): SearchQuery {
  const text = query["text"];
  if (typeof text !== "string" || text.trim() === "") throw new AssayError("TEXT_MISSING", { parameter: "text" });
  if (text.length > 512)
    throw new AssayError("BAD_REQUEST", {
      reason: "the search text is longer than 512 characters",
    });
  return {
    text: text.trim(),
    from: integer(query["from"], 0, 10_000, 0),
    size: integer(query["size"], 1, 250, 20),
  };
}

function integer(value: string | string[] | undefined, lowest: number, highest: number, fallback: number): number {
  if (value === undefined || value === "") return fallback;
  const number = typeof value === "string" && /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= lowest))
    throw new AssayError("BAD_REQUEST", {
      reason: `a paging parameter must be a whole number from ${lowest}`,
    });
  return Math.min(number, highest);
}

/** `{name: [version, …]}`, as every client's audit sends it. */
function parseAudit(body: unknown): Record<string, string[]> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new AssayError("BAD_REQUEST", {
      reason: "the body of an audit is an object of names with lists of versions",
    });
  }
  const result: Record<string, string[]> = {};
  for (const [name, versions] of Object.entries(body)) {
    if (
      !Array.isArray(versions) ||
      !versions.every((version) => typeof version === "string" && version.length <= 256)
    ) {
      throw new AssayError("BAD_REQUEST", {
        reason: "each package of an audit has a list of versions",
      });
    }
    result[parsePackageName(name)] = versions as string[];
  }
  return result;
}
