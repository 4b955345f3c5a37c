import type { Version } from "@assay/core";
import { readListed, type ListedVersion, type Packument } from "../../upstreams/upstreams.ts";
import type { SearchEntry } from "./search-index.ts";

type Manifest = Readonly<Record<string, unknown>>;

const longest = { description: 500, keyword: 100, name: 214, url: 500, license: 100 };
const mostKeywords = 100;
const mostPeople = 50;

/** What search keeps of a listing: of the version that `latest` points to, else of the last one listed. */
export async function readEntry(packument: Packument, isHosted: boolean): Promise<SearchEntry> {
  const latest = packument.tags["latest"];
  const listed =
    (latest === undefined ? undefined : packument.versions.get(latest)) ?? [...packument.versions.values()].at(-1);
  const manifest = listed === undefined ? {} : await readManifest(packument, listed);
  return describe(manifest, {
    name: packument.name,
    isHosted,
    version: listed?.version ?? ("" as Version),
    dateMs: listed?.publishedMs ?? packument.modifiedMs,
    updatedMs: packument.modifiedMs,
  });
}

/** The same from a version's manifest. Everything in it is a stranger's word: of any type, of any length. */
export function describe(
  manifest: Manifest,
  of: Pick<SearchEntry, "name" | "isHosted" | "version" | "dateMs" | "updatedMs">,
): SearchEntry {
  const { keywords, maintainers, repository, bugs, license } = manifest;
  return {
    ...of,
    description: textOf(manifest["description"], longest.description),
    keywords: listOf(keywords, mostKeywords)
      .map((word) => textOf(word, longest.keyword))
      .filter((word) => word !== ""),
    license: textOf(license, longest.license) || memberOf(license, "type", longest.license),
    homepage: linkOf(manifest["homepage"]),
    repository: linkOf(repository) || linkOf(memberOf(repository, "url", longest.url)),
    bugs: linkOf(bugs) || linkOf(memberOf(bugs, "url", longest.url)),
    author: personOf(manifest["author"]),
    publisher: personOf(manifest["_npmUser"]),
    maintainers: listOf(maintainers, mostPeople)
      .map(personOf)
      .filter((name) => name !== ""),
  };
}

async function readManifest(packument: Packument, listed: ListedVersion): Promise<Manifest> {
  return JSON.parse(await readListed(packument, listed, "full")) as Manifest;
}

function textOf(value: unknown, length: number): string {
  return typeof value === "string" ? value.trim().slice(0, length).toWellFormed() : "";
}

function memberOf(value: unknown, member: string, length: number): string {
  return typeof value === "object" && value !== null && Object.hasOwn(value, member)
    ? textOf((value as Manifest)[member], length)
    : "";
}

function listOf(value: unknown, most: number): readonly unknown[] {
  // Old packages list their keywords in one text.
  if (typeof value === "string") return value.split(/[\s,]+/).slice(0, most);
  return Array.isArray(value) ? value.slice(0, most) : [];
}

/** Only what leads to a site: people click on it. */
function linkOf(value: unknown): string {
  const text = textOf(value, longest.url);
  return /^(?:https?|git|git\+https?|git\+ssh|ssh):\/\/[^\s<>"']+$/i.test(text) ? text : "";
}

/** A user name: `Ada <ada@example.com> (site)` is `Ada`. Mail addresses are not kept. */
function personOf(person: unknown): string {
  const name = memberOf(person, "name", longest.name) || textOf(person, longest.name);
  return name.replace(/\s*[<(].*$/s, "");
}
