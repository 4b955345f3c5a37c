import { type PackageName, type Version, movedToIn, parseJson } from "@assay/core";
import semver from "semver";
import type { ArchiveFile, ArchiveFinding } from "./archive/archive.ts";
import { compareCommands } from "./manifest/commands.ts";
import { compareDependencies } from "./manifest/dependencies.ts";
import { type ManifestNotes, createManifestNotes } from "./manifest/notes.ts";
import { compareScripts } from "./manifest/scripts.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What comparing the archive's package.json with the registry's listing says. */
export type ManifestVerdict =
  | {
      readonly verdict: "accepted";
      readonly findings: readonly ArchiveFinding[];
      /** URL of the registry that the archive's package.json says the package moved to. */
      readonly movedTo: string | undefined;
    }
  | {
      readonly verdict: "refused";
      readonly rule: string;
      readonly reason: string;
      readonly findings: readonly ArchiveFinding[];
    };

export interface ManifestFacts {
  readonly name: PackageName;
  readonly version: Version;
  /** Bytes of the archive's package.json. */
  readonly packageJson: Uint8Array;
  readonly hasGypFile: boolean;
  readonly files: readonly ArchiveFile[];
}

/**
 * Compares package.json in the archive with the version object that the registry lists, in the fields that
 * installing and resolving use.
 *
 * Refuses when the listing adds or changes a dependency, a command or an install script in a way that no
 * normalisation at publish explains; every other difference is a finding. Rules:
 * docs/formats/archive-rules.md.
 */
export function compareManifest(facts: ManifestFacts, listed: unknown): ManifestVerdict {
  const notes = createManifestNotes();
  const archive = parsePackageJson(facts.packageJson, notes);
  if (!isFields(listed)) notes.refuse("manifest/listing", "the registry's version is not a JSON object");
  if (archive !== undefined && isFields(listed)) {
    compareIdentity(facts, archive, listed, notes);
    const paths = new Set(facts.files.map((file) => Buffer.from(file.path).toString()));
    compareDependencies(archive, listed, (path) => paths.has(path), notes);
    compareCommands(archive, listed, paths, notes);
    compareScripts(archive, listed, facts.hasGypFile, notes);
    comparePlatform(archive, listed, notes);
  }
  const { refusal, findings } = notes;
  return refusal === undefined
    ? { verdict: "accepted", findings, movedTo: movedToIn(archive) }
    : { verdict: "refused", ...refusal, findings };
}

/** Keys that, standing twice, are one thing to readers that take the first and another to those that take the last. */
const duplicatesRefused =
  /^\/(name|version|bin|scripts|dependencies|optionalDependencies|peerDependencies|bundleDependencies|bundledDependencies)$|^\/scripts\/(preinstall|install|postinstall)$/;

function parsePackageJson(bytes: Uint8Array, notes: ManifestNotes): Fields | undefined {
  // Ancient packages have author names in other encodings; all clients read them with replacement characters.
  let text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (text.startsWith("\ufeff")) {
    notes.find("manifest/byte-order-mark", "package.json starts with a byte order mark");
    text = text.slice(1);
  }
  let parsed: ReturnType<typeof parseJson>;
  try {
    parsed = parseJson(text);
  } catch {
    notes.refuse("manifest/not-json", "package.json in the archive is not JSON");
    return undefined;
  }
  if (!isFields(parsed.value)) {
    notes.refuse("manifest/not-json", "package.json in the archive is not a JSON object");
    return undefined;
  }
  for (const pointer of parsed.duplicateKeys) {
    if (duplicatesRefused.test(pointer)) notes.refuse("manifest/duplicate-key", `package.json has ${pointer} twice`);
    else notes.find("manifest/repeated-key", `package.json has ${pointer} twice`);
  }
  return parsed.value;
}

function compareIdentity(facts: ManifestFacts, archive: Fields, listed: Fields, notes: ManifestNotes): void {
  if (listed["name"] !== facts.name) {
    notes.refuse("manifest/name", "the registry's version object has another name");
  }
  // Old registries lower-cased and npm trims.
  if (typeof archive["name"] !== "string" || archive["name"].trim().toLowerCase() !== facts.name.toLowerCase()) {
    notes.refuse("manifest/name", `the archive says it is ${shown(archive["name"])}`);
  }
  if (!sameVersion(listed["version"], facts.version)) {
    notes.refuse("manifest/version", "the registry's version object has another version");
  }
  if (!sameVersion(archive["version"], facts.version)) {
    notes.refuse("manifest/version", `the archive says it is version ${shown(archive["version"])}`);
  }
}

/** npm's publish cleans versions: `v1.0.0`, `= 1.0.0 `, `1.0.0+build` become `1.0.0`. */
function sameVersion(version: unknown, expected: Version): boolean {
  if (typeof version !== "string") return false;
  if (version.trim() === expected) return true;
  const clean = semver.clean(version, { loose: true });
  return clean !== null && clean === semver.clean(expected, { loose: true });
}

/** Where a package may be installed: a difference keeps it out or lets it in, but brings nothing else along. */
function comparePlatform(archive: Fields, listed: Fields, notes: ManifestNotes): void {
  for (const field of ["os", "cpu", "libc"] as const) {
    if (nameList(archive[field]) !== nameList(listed[field])) {
      notes.find("manifest/platform", `${field} differs between the archive and the registry`);
    }
  }
  if (engineList(archive["engines"]) !== engineList(listed["engines"])) {
    notes.find("manifest/engines", "engines differs between the archive and the registry");
  }
}

function nameList(value: unknown): string {
  const list = typeof value === "string" ? [value] : Array.isArray(value) ? value : [];
  return JSON.stringify(list.map(textOf).sort());
}

function engineList(value: unknown): string {
  if (!isFields(value)) return "[]";
  return JSON.stringify(
    Object.entries(value)
      .map(([engine, range]) => `${engine} ${textOf(range).trim()}`)
      .sort(),
  );
}

/** `String` fails on objects whose own `toString` is no function. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : typeof value;
}
