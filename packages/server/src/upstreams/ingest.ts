import { createHash } from "node:crypto";
import {
  isAssayError,
  isRegistryKeyId,
  manifestDigest,
  manifestFragmentText,
  parseJson,
  parseVersion,
  sha512Of,
  type EpochMs,
  type PackageName,
  type Version,
} from "@assay/core";
import { abbreviateVersion } from "./abbreviate.ts";
import { cutVersion, isJsonObject, type CutText, type JsonObject } from "./cut.ts";

/** One upstream document on its way in. */
export interface IngestInput {
  readonly name: PackageName;
  /** Alias and base URL of the upstream. */
  readonly source: string;
  readonly upstreamUrl: string;
  /** The answer's Last-Modified, or when it came: the document's own time wins. */
  readonly fallbackModifiedMs: number;
}

/** What a document says, checked: every version can be listed, every tag points at one of them. */
export interface Ingested {
  readonly tags: Readonly<Record<string, Version>>;
  readonly modifiedMs: EpochMs;
  readonly createdMs: EpochMs | undefined;
  readonly versions: readonly IngestedVersion[];
  /** Members of the full document that are handed on untouched: all but name, tags, versions, time. */
  readonly members: readonly { readonly name: string; readonly text: string }[];
  /** Versions that cannot be listed, with why. */
  readonly skipped: readonly { readonly version: string; readonly reason: string }[];
}

export interface IngestedVersion {
  readonly version: Version;
  readonly publishedMs: EpochMs | undefined;
  readonly integrity: string | undefined;
  readonly shasum: string | undefined;
  readonly manifest: string | undefined;
  readonly tarball: string;
  readonly keyids: readonly string[];
  readonly full: CutText;
  readonly abbreviated: CutText;
}

/** A document that is refused as a whole. */
export class RefusedDocument extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "RefusedDocument";
  }
}

const maxVersions = 100_000;
const maxMembers = 1_000;
/** More than any registry's documents need, and shallow enough for everything that recurses. */
const maxDepth = 200;
/** Members that this server writes itself, or that describe another server's storage. */
const ownMembers: ReadonlySet<string> = new Set([
  "_id",
  "name",
  "dist-tags",
  "versions",
  "time",
  "_attachments",
  "_distfiles",
  "_uplinks",
  "modified",
  "__proto__",
]);

/**
 * Reads the raw bytes of a packument. Refused as a whole (RefusedDocument): not UTF-8 JSON, not an object, another
 * package's document, no `versions`, more than 100,000 versions or 1,000 other members, duplicate top-level
 * members. A version is skipped when its text is no version, its manifest is not about this package and version,
 * or it has no `dist.tarball`. Anything else that is odd is listed as it is: a manifest that cannot be digested
 * (docs/formats/manifest-digest.md) has `manifest` undefined; an unreadable time or integrity is undefined.
 *
 * A document with `time.unpublished` and no versions lists none.
 */
export function ingest(bytes: Uint8Array, input: IngestInput): Ingested {
  const { document, duplicates } = parse(bytes);
  if (document["name"] !== input.name) throw new RefusedDocument(`it is the document of ${show(document["name"])}`);
  const time = isJsonObject(document["time"]) ? document["time"] : {};
  const listed = document["versions"] ?? (isJsonObject(time["unpublished"]) ? {} : undefined);
  if (!isJsonObject(listed)) throw new RefusedDocument("it has no versions");
  const entries = Object.entries(listed);
  if (entries.length > maxVersions) throw new RefusedDocument(`it lists more than ${maxVersions} versions`);

  const versions: IngestedVersion[] = [];
  const skipped: { version: string; reason: string }[] = [];
  for (const [text, manifest] of entries) {
    const taken = takeVersion(text, manifest, input, {
      publishedMs: readTime(time, text),
      isAmbiguous: duplicates.has(text),
    });
    if (typeof taken === "string") skipped.push({ version: text, reason: taken });
    else versions.push(taken);
  }
  const newest = versions.reduce((latest, { publishedMs }) => Math.max(latest, publishedMs ?? 0), 0);
  const modified =
    readTime(time, "modified") ?? readTime(document, "modified") ?? (newest > 0 ? newest : input.fallbackModifiedMs);
  return {
    tags: readTags(document["dist-tags"], new Set(versions.map(({ version }) => version))),
    modifiedMs: modified as EpochMs,
    createdMs: readTime(time, "created"),
    versions,
    members: readMembers(document),
    skipped,
  };
}

function parse(bytes: Uint8Array): { readonly document: JsonObject; readonly duplicates: ReadonlySet<string> } {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new RefusedDocument("it is not UTF-8");
  }
  let value: unknown;
  let duplicateKeys: readonly string[];
  try {
    ({ value, duplicateKeys } = parseJson(text, { maxDepth }));
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) throw new RefusedDocument(error.details.reason);
    throw error;
  }
  if (!isJsonObject(value)) throw new RefusedDocument("it is not a JSON object");
  const duplicates = new Set<string>();
  for (const pointer of duplicateKeys) {
    const [, top = "", version, ...rest] = pointer.split("/");
    if (version === undefined) throw new RefusedDocument(`it has the member ${show(top)} twice`);
    if (top === "versions") duplicates.add(version.replaceAll("~1", "/").replaceAll("~0", "~"));
    else if (top === "dist-tags" && rest.length === 0)
      throw new RefusedDocument(`it has the tag ${show(version)} twice`);
  }
  return { document: value, duplicates };
}

interface Circumstances {
  readonly publishedMs: EpochMs | undefined;
  /** Some member of the manifest occurs twice: readers disagree about what it says. */
  readonly isAmbiguous: boolean;
}

function takeVersion(
  text: string,
  manifest: unknown,
  input: IngestInput,
  { publishedMs, isAmbiguous }: Circumstances,
): IngestedVersion | string {
  let version: Version;
  try {
    version = parseVersion(text);
  } catch {
    return "not a version";
  }
  if (text === "__proto__") return "not a version";
  if (!isJsonObject(manifest)) return "no manifest";
  if (manifest["name"] !== input.name) return `the manifest of ${show(manifest["name"])}`;
  if (manifest["version"] !== version) return `the manifest of version ${show(manifest["version"])}`;
  const dist = manifest["dist"];
  if (!isJsonObject(dist) || typeof dist["tarball"] !== "string" || dist["tarball"] === "") return "no tarball";
  const tarball = dist["tarball"];
  const digest = isAmbiguous ? undefined : digestOf(manifest);
  const integrity = typeof dist["integrity"] === "string" ? sha512Of(dist["integrity"]) : undefined;
  const shasum =
    typeof dist["shasum"] === "string" && /^[0-9a-f]{40}$/i.test(dist["shasum"])
      ? dist["shasum"].toLowerCase()
      : undefined;
  tellOneStory(manifest, dist, integrity);
  const keyids = readKeyids(dist["signatures"]);
  // The abbreviated one first: cutting uses the full one up.
  const abbreviated = cutVersion(abbreviateVersion(manifest), input.upstreamUrl);
  const full = cutVersion(manifest, input.upstreamUrl);
  return { version, publishedMs, integrity, shasum, manifest: digest, tarball, keyids, full, abbreviated };
}

/**
 * What the digest of a manifest and the listed integrity take for one thing must be one thing to every client: an
 * optional dependency that is a dependency too has one range (pnpm takes that of `dependencies`, npm the other), and
 * an integrity names one sha512 (clients accept any of several).
 */
function tellOneStory(manifest: JsonObject, dist: JsonObject, integrity: string | undefined): void {
  const { dependencies, optionalDependencies } = manifest;
  if (isJsonObject(dependencies) && isJsonObject(optionalDependencies)) {
    for (const [name, spec] of Object.entries(optionalDependencies)) {
      if (Object.hasOwn(dependencies, name)) dependencies[name] = spec;
    }
  }
  if (integrity !== undefined) dist["integrity"] = integrity;
}

function digestOf(manifest: JsonObject): string | undefined {
  try {
    return manifestDigest((bytes) => createHash("sha256").update(bytes).digest(), manifestFragmentText(manifest));
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) return undefined;
    throw error;
  }
}

/** One more than are ever verified. */
const mostKeyids = 17;

function readKeyids(signatures: unknown): string[] {
  if (!Array.isArray(signatures)) return [];
  return signatures.slice(0, mostKeyids).map((entry: unknown) => {
    const keyid = isJsonObject(entry) ? entry["keyid"] : undefined;
    return typeof keyid === "string" && isRegistryKeyId(keyid) ? keyid : "";
  });
}

function readTags(tags: unknown, versions: ReadonlySet<Version>): Record<string, Version> {
  if (!isJsonObject(tags)) return {};
  const entries = Object.entries(tags).filter((entry): entry is [string, Version] => {
    const [tag, version] = entry;
    return tag !== "__proto__" && typeof version === "string" && versions.has(version as Version);
  });
  return Object.fromEntries(entries);
}

/** A time within what a date can hold, whole milliseconds; undefined for anything unreadable. */
function readTime(times: JsonObject, key: string): EpochMs | undefined {
  const text = Object.hasOwn(times, key) ? times[key] : undefined;
  if (typeof text !== "string" || !/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isSafeInteger(ms) && ms >= 0 ? (ms as EpochMs) : undefined;
}

function readMembers(document: JsonObject): Ingested["members"] {
  const names = Object.keys(document).filter((name) => !ownMembers.has(name));
  if (names.length > maxMembers) throw new RefusedDocument(`it has more than ${maxMembers} members`);
  return names.map((name) => ({ name, text: JSON.stringify(document[name]) }));
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : `a ${typeof value}`;
}
