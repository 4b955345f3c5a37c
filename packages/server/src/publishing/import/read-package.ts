import { epochMs, isAssayError, parseVersion, sha512Of, type EpochMs, type PackageName } from "@assay/core";
import { isJsonObject, type JsonObject } from "../publish/json.ts";
import type { SourcePackage, SourceVersion } from "./source.ts";

/** Of one version. */
const mostPeople = 100;
const longestPerson = 214;

/** What a packument of another registry says of a package. Pure. */
export function readPackage(name: PackageName, document: JsonObject): SourcePackage {
  const tags = new Map(
    Object.entries(objectOf(document["dist-tags"])).flatMap(([tag, target]) =>
      typeof target === "string" ? [[tag, target] as const] : [],
    ),
  );
  const time = objectOf(document["time"]);
  const versions: SourceVersion[] = [];
  const unreadable: { readonly version: string; readonly reason: string }[] = [];
  for (const [text, manifest] of Object.entries(objectOf(document["versions"]))) {
    const read = readVersion(text, manifest, { time: time[text], maintainers: document["maintainers"] });
    if (typeof read === "string") unreadable.push({ version: text, reason: read });
    // A package has one readme there: that of what was published last, which is mostly `latest`.
    else if (read.readme !== undefined || tags.get("latest") !== text) versions.push(read);
    else versions.push({ ...read, readme: textOf(document["readme"]) });
  }
  return { name, tags, unreadable, versions: versions.toSorted(byTime) };
}

/** Or why it cannot be taken. */
function readVersion(
  text: string,
  manifest: unknown,
  { time, maintainers }: { readonly time: unknown; readonly maintainers: unknown },
): SourceVersion | string {
  if (!isJsonObject(manifest)) return "it is no JSON object there";
  try {
    const version = parseVersion(text);
    const dist = objectOf(manifest["dist"]);
    const { integrity, shasum, tarball } = dist;
    const { deprecated } = manifest;
    const user = objectOf(manifest["_npmUser"]);
    return {
      version,
      manifest,
      readme: textOf(manifest["readme"]),
      integrity: typeof integrity === "string" ? sha512Of(integrity) : undefined,
      sha1: typeof shasum === "string" && /^[0-9a-f]{40}$/i.test(shasum) ? shasum.toLowerCase() : undefined,
      publishedAtMs: timeOf(time),
      deprecated: typeof deprecated === "string" && deprecated !== "" ? deprecated.toWellFormed() : null,
      publisher: textOf(user["name"]),
      maintainers: peopleIn(manifest["maintainers"] ?? maintainers),
      isAttested: isJsonObject(dist["attestations"]),
      tarball: textOf(tarball),
    };
  } catch (error) {
    if (isAssayError(error, "BAD_VERSION")) return error.details.reason;
    throw error;
  }
}

/** As objects with a name, or as `name <address>`. Addresses are left out. */
function peopleIn(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return [];
  const names = list.flatMap((one: unknown) => {
    const said = isJsonObject(one) ? one["name"] : typeof one === "string" ? one.replace(/[<(].*$/s, "").trim() : "";
    return typeof said === "string" && said !== "" && said.length <= longestPerson ? [said.toWellFormed()] : [];
  });
  return [...new Set(names)].slice(0, mostPeople);
}

function timeOf(value: unknown): EpochMs | undefined {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isSafeInteger(ms) && ms >= 0 ? epochMs(ms) : undefined;
}

/** What has no time keeps its place at the beginning: registries list in the order of publishing. */
function byTime(a: SourceVersion, b: SourceVersion): number {
  return (a.publishedAtMs ?? 0) - (b.publishedAtMs ?? 0);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
