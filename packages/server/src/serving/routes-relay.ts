import { AssayError, parsePackageName, parseVersion } from "@assay/core";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../platform/clock.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import { parseAudit, readAdvisories } from "./advisories.ts";
import { relayJson } from "./relay.ts";
import { search, type SearchQuery } from "./search.ts";
import type { ServingRoutesDeps } from "./routes.ts";

const relayedBytes = 1024 * 1024;
const keysMaxAgeMs = 5 * 60 * 1000;

/** Search over what is known here; signing keys, attestations and advisories of the owners, relayed. */
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
    const owner = upstreams.ownerOf(name);
    const answer =
      owner === undefined
        ? undefined
        : await relayJson(upstreams, owner, { method: "GET", path, maxBytes: relayedBytes });
    if (answer === undefined) throw new AssayError("NOT_FOUND", { what: `Attestations of ${name}@${version}` });
    return reply.header("content-type", "application/json; charset=utf-8").send(answer.bytes);
  });

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

/** The signing keys of all registries: remembered while they are young, kept in memory while one cannot be asked. */
function createKeys(upstreams: Upstreams, clock: Clock): () => Promise<Buffer | undefined> {
  let kept: { readonly document: Buffer | undefined; readonly atMs: number } | undefined;
  return async () => {
    if (kept !== undefined && clock.monotonicMs() - kept.atMs < keysMaxAgeMs) return kept.document;
    try {
      kept = { document: await readKeys(upstreams), atMs: clock.monotonicMs() };
    } catch (error) {
      if (kept === undefined) throw error;
    }
    return kept.document;
  };
}

/** One registry's document as it is; of several, their keys together. Undefined when none publishes keys. */
async function readKeys(upstreams: Upstreams): Promise<Buffer | undefined> {
  const request = { method: "GET", path: "/-/npm/v1/keys", maxBytes: relayedBytes } as const;
  const answers = await Promise.all(upstreams.registries.map((source) => relayJson(upstreams, source, request)));
  const documents = answers.filter((answer) => answer !== undefined);
  if (documents.length <= 1) return documents[0]?.bytes;
  const keys = documents.flatMap(({ value }) => {
    const listed = (Object(value) as { readonly keys?: unknown }).keys;
    return Array.isArray(listed) ? (listed as unknown[]) : [];
  });
  return Buffer.from(JSON.stringify({ keys }));
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
