import type { PackageName } from "@assay/core";
import { readListed, withParts, type Packument, type Upstreams } from "../upstreams/upstreams.ts";

/** One page of results in the shape of npm's search endpoint. */
export interface SearchPage {
  readonly objects: readonly SearchResult[];
  readonly total: number;
  readonly time: string;
}

interface SearchResult {
  readonly package: {
    readonly name: PackageName;
    readonly version: string;
    readonly description: string;
    readonly keywords: readonly string[];
    readonly date: string;
    readonly links: { readonly npm: string };
    readonly publisher: { readonly username: string };
    readonly maintainers: readonly { readonly username: string; readonly email: string }[];
  };
  readonly score: {
    readonly final: number;
    readonly detail: {
      readonly quality: number;
      readonly popularity: number;
      readonly maintenance: number;
    };
  };
  readonly searchScore: number;
}

export interface SearchQuery {
  readonly text: string;
  /** 0 to 10,000. */
  readonly from: number;
  /** 1 to 250. */
  readonly size: number;
}

/** Packages known here whose name is the text or starts with it, the exact name first. */
export async function search(
  upstreams: Upstreams,
  base: string,
  query: SearchQuery,
  nowIso: string,
): Promise<SearchPage> {
  const { total, names } = await upstreams.search(query.text, query.from, query.size);
  const objects: SearchResult[] = [];
  for (const name of names) {
    const packument = await upstreams.stored(name);
    if (packument === undefined) continue;
    objects.push(await withParts(upstreams, packument, (held) => describe(held, base, query.text)));
  }
  return { objects, total, time: nowIso };
}

async function describe(packument: Packument, base: string, text: string): Promise<SearchResult> {
  const version = packument.tags["latest"] ?? [...packument.versions.keys()].at(-1);
  const listed = version === undefined ? undefined : packument.versions.get(version);
  const manifest =
    listed === undefined ? {} : (JSON.parse(await readListed(packument, listed, "full")) as Record<string, unknown>);
  const score = packument.name === text ? 1 : 0.5;
  return {
    package: {
      name: packument.name,
      version: version ?? "",
      description: textOf(manifest["description"]),
      keywords: Array.isArray(manifest["keywords"])
        ? manifest["keywords"].filter((word): word is string => typeof word === "string")
        : [],
      date: isoTime(listed?.publishedMs ?? packument.modifiedMs),
      links: { npm: `${base}/${packument.name}` },
      publisher: { username: nameOf(manifest["_npmUser"]) },
      maintainers: Array.isArray(manifest["maintainers"])
        ? manifest["maintainers"].map((person) => ({ username: nameOf(person), email: "" }))
        : [],
    },
    score: { final: score, detail: { quality: score, popularity: score, maintenance: score } },
    searchScore: score,
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** npm's client needs a string even where the upstream has none; addresses are not passed on. */
function nameOf(person: unknown): string {
  return typeof person === "object" && person !== null && "name" in person ? textOf(person.name) : textOf(person);
}
