import { AssayError, type PackageName } from "@assay/core";
import { renderSearch } from "@assay/web";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { sendPage } from "../http/send.ts";
import type { ServingRoutesDeps } from "./routes.ts";
import type { SearchEntry } from "./search/search-index.ts";

type Query = Readonly<Record<string, string | string[] | undefined>>;

const pageSize = 20;
const longestText = 512;
const deepest = 10_000;

/** npm's search endpoint and the page with a box for people. */
export function addSearchRoutes(
  fastify: FastifyInstance,
  { serving: { search }, mayRead, clock }: ServingRoutesDeps,
): void {
  fastify.get<{ Querystring: Query }>("/-/v1/search", async (request, reply) => {
    const readable = await mayRead(request);
    const { text, from, size } = parseSearch(request.query);
    const { total, entries } = await search.find({ text, from, size, readable });
    return reply.header("cache-control", "no-store").send({
      objects: entries.map((entry, at) => resultOf(entry, request.base, from + at)),
      total,
      time: isoTime(clock.now()),
    });
  });

  fastify.get<{ Querystring: Query }>("/-/web/search", async (request, reply) => {
    const { text, from } = parsePage(request.query);
    const readable = await mayRead(request);
    const found = text === "" ? { total: 0, entries: [] } : await search.find({ text, from, size: pageSize, readable });
    return sendPage(
      reply,
      renderSearch({
        base: request.base,
        text,
        from,
        pageSize,
        deepest,
        total: found.total,
        packages: found.entries.map(({ name, version, description, keywords, license, dateMs }) => ({
          name,
          version,
          description,
          keywords,
          license,
          published: isoTime(dateMs),
        })),
      }),
    );
  });
}

/** Who asks, and which of some packages that are hosted here that one may read. */
export type MayRead = (
  request: FastifyRequest,
) => Promise<(names: readonly PackageName[]) => Promise<readonly PackageName[]>>;

/** In the shape of npm's endpoint (its OpenAPI description, `search.yaml`); counts of downloads are not known here. */
function resultOf(entry: SearchEntry, base: string, place: number) {
  const score = 1 / (1 + place);
  const person = (username: string) => ({ username, email: "" });
  const links = Object.entries({ homepage: entry.homepage, repository: entry.repository, bugs: entry.bugs });
  return {
    updated: isoTime(entry.updatedMs),
    searchScore: score,
    package: {
      name: entry.name,
      sanitized_name: entry.name,
      version: entry.version,
      description: entry.description,
      keywords: entry.keywords,
      license: entry.license,
      date: isoTime(entry.dateMs),
      links: { npm: `${base}/${entry.name}`, ...Object.fromEntries(links.filter(([, url]) => url !== "")) },
      publisher: person(entry.publisher),
      maintainers: entry.maintainers.map(person),
    },
    score: { final: score, detail: { quality: 1, popularity: 1, maintenance: 1 } },
    flags: { insecure: 0 },
  };
}

function parseSearch(query: Query): { readonly text: string; readonly from: number; readonly size: number } {
  const text = query["text"];
  if (typeof text !== "string" || text.trim() === "") throw new AssayError("ERR_TEXT_MISSING", { parameter: "text" });
  if (text.length > longestText)
    throw new AssayError("BAD_REQUEST", { reason: `the search text is longer than ${longestText} characters` });
  return { text, from: integer(query["from"], 0, deepest, 0), size: integer(query["size"], 1, 250, pageSize) };
}

function parsePage(query: Query): { readonly text: string; readonly from: number } {
  const text = query["text"];
  return {
    text: typeof text === "string" ? text.slice(0, longestText).trim() : "",
    from: integer(query["from"], 0, deepest, 0),
  };
}

function integer(value: string | string[] | undefined, lowest: number, highest: number, fallback: number): number {
  if (value === undefined || value === "") return fallback;
  const number = typeof value === "string" && /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= lowest))
    throw new AssayError("BAD_REQUEST", { reason: `a paging parameter must be a whole number from ${lowest}` });
  return Math.min(number, highest);
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
