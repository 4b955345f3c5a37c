import {
  AssayError,
  decodeUtf8,
  integrityBytes,
  parseIntegrity,
  parseJson,
  parsePackageName,
  parseVersion,
  type Integrity,
  type PackageName,
  type Version,
} from "@assay/core";

/** What stands in an export: docs/formats/export.md. */
export interface ExportHead {
  /** ISO 8601. */
  readonly created: string;
  readonly packages: number;
  readonly releases: number;
  readonly tarballBytes: number;
  readonly logs: readonly ExportedLog[];
}

export interface ExportedLog {
  readonly origin: string;
  readonly vkey: string;
  /** Signed note. */
  readonly checkpoint: string;
}

export interface ExportedPackage {
  readonly name: PackageName;
  /** At least one, each version once. */
  readonly releases: readonly ExportedRelease[];
}

export interface ExportedRelease {
  readonly version: Version;
  readonly integrity: Integrity;
  readonly sizeBytes: number;
  /** Canonical text of the manifest fragment. */
  readonly fragment: string;
  /** Whether it stands in the listing. */
  readonly isListed: boolean;
}

/** Limits of one export. */
export const exportLimits = {
  headBytes: 1024 * 1024,
  releasesBytes: 256 * 1024 * 1024,
  packages: 999_999,
  releases: 100_000,
  logs: 64,
} as const;

const format = "assay-export/v1";

export const exportFile = "export.json";

/** What a package consists of; an integrity stands for its tarball. */
export type MemberFile = "releases.json" | "listing.json" | "bundle.json" | Integrity;

/** Path of a member of the package with this number, from 1. */
export function memberPath(number: number, file: MemberFile): string {
  const folder = String(number).padStart(6, "0");
  if (!file.startsWith("sha512-")) return `${folder}/${file}`;
  return `${folder}/${Buffer.from(integrityBytes(file as Integrity)).toString("base64url")}.tgz`;
}

export function formatHead(head: ExportHead): Uint8Array {
  return encoded({ format, ...head });
}

/** Reads `export.json`. Throws BAD_FORMAT. */
export function parseHead(bytes: Uint8Array): ExportHead {
  const value = readJson(bytes, exportFile);
  const head = members(value, exportFile, ["format", "created", "packages", "releases", "tarballBytes", "logs"]);
  if (head["format"] !== format) throw malformed(`its format is not ${format}`);
  const created = head["created"];
  if (typeof created !== "string" || !/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(created) || Number.isNaN(Date.parse(created)))
    throw malformed(`${exportFile} has no time of creation`);
  return {
    created,
    packages: whole(head["packages"], "packages", exportLimits.packages),
    releases: whole(head["releases"], "releases", Number.MAX_SAFE_INTEGER),
    tarballBytes: whole(head["tarballBytes"], "tarballBytes", Number.MAX_SAFE_INTEGER),
    logs: list(head["logs"], "logs", exportLimits.logs).map((entry) => {
      const log = members(entry, "an element of logs", ["origin", "vkey", "checkpoint"]);
      return {
        origin: string(log["origin"], "origin"),
        vkey: string(log["vkey"], "vkey"),
        checkpoint: string(log["checkpoint"], "checkpoint"),
      };
    }),
  };
}

export function formatReleases({ name, releases }: ExportedPackage): Uint8Array {
  return encoded({ name, releases });
}

/** Reads `releases.json`. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION. */
export function parseReleases(bytes: Uint8Array): ExportedPackage {
  const file = members(readJson(bytes, "releases.json"), "releases.json", ["name", "releases"]);
  const name = parsePackageName(string(file["name"], "name"));
  const releases = list(file["releases"], "releases", exportLimits.releases).map((entry): ExportedRelease => {
    const release = members(entry, "a release", ["version", "integrity", "sizeBytes", "fragment", "isListed"]);
    if (typeof release["isListed"] !== "boolean") throw malformed("isListed is neither true nor false");
    return {
      version: parseVersion(string(release["version"], "version")),
      integrity: parseIntegrity(string(release["integrity"], "integrity")),
      sizeBytes: whole(release["sizeBytes"], "sizeBytes", Number.MAX_SAFE_INTEGER),
      fragment: string(release["fragment"], "fragment"),
      isListed: release["isListed"],
    };
  });
  if (releases.length === 0) throw malformed(`${name} has no releases`);
  if (new Set(releases.map(({ version }) => version)).size !== releases.length)
    throw malformed(`a version of ${name} occurs twice`);
  if (new Set(releases.map(({ integrity }) => integrity)).size !== releases.length)
    throw malformed(`two releases of ${name} are the same tarball`);
  return { name, releases };
}

/** Strict JSON of a member: UTF-8, no member twice. Throws BAD_FORMAT. */
export function readJson(bytes: Uint8Array, where: string): unknown {
  const { value, duplicateKeys } = parseJson(decodeUtf8(bytes));
  const [twice] = duplicateKeys;
  if (twice !== undefined) throw malformed(`${where} has ${JSON.stringify(twice)} twice`);
  return value;
}

function encoded(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

function members<Name extends string>(value: unknown, what: string, names: readonly Name[]): Record<Name, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(`${what} is not an object`);
  const keys = Object.keys(value);
  if (keys.length !== names.length || !names.every((name) => Object.hasOwn(value, name)))
    throw malformed(`${what} has other members than ${names.join(", ")}`);
  return value as Record<Name, unknown>;
}

function list(value: unknown, what: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(`${what} is not a list`);
  if (value.length > most) throw malformed(`${what} has more than ${most} elements`);
  return value;
}

function string(value: unknown, what: string): string {
  if (typeof value !== "string") throw malformed(`${what} is not a string`);
  return value;
}

function whole(value: unknown, what: string, most: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > most)
    throw malformed(`${what} is not a whole number up to ${most}`);
  return value as number;
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "The export", reason });
}
