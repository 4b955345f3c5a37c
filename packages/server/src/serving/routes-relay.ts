import { AssayError } from "@assay/core";
import type { FastifyInstance } from "fastify";
import { parseAudit, readAdvisories } from "./advisories.ts";
import { search, type SearchQuery } from "./search.ts";
import type { ServingRoutesDeps } from "./routes.ts";

/** Search over what is known here; advisories of the owners, relayed. */
export function addRelayRoutes(fastify: FastifyInstance, { upstreams, clock }: ServingRoutesDeps): void {
  fastify.get<{ Querystring: Record<string, string | string[] | undefined> }>(
    "/-/v1/search",
    async (request, reply) => {
      const query = parseSearch(request.query);
      return reply
        .header("cache-control", "no-store")
        .send(await search(upstreams, request.base, query, new Date(clock.now()).toISOString()));
    },
  );

  fastify.post("/-/npm/v1/security/advisories/bulk", async (request, reply) => {
    const { byName, without } = await readAdvisories(upstreams, parseAudit(request.body));
    if (without.length > 0) {
      void reply.header("assay-advisories", `none: no advisories endpoint at ${without.join(", ")}`);
    }
    return reply
      .headers({ "content-type": "application/json; charset=utf-8", "cache-control": "no-store" })
      .send(JSON.stringify(byName));
  });
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
