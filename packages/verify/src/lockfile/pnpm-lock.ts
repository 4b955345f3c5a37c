import { gather, judgeEntry, refuse, sourceOutsideRegistry, type Judged } from "./locked-entry.ts";
import type { Lockfile, UnverifiableReason } from "./lockfile.ts";
import { asObject, checkCount, checkPath, lockfileText, malformed, optionalObject, optionalText } from "./reading.ts";
import { maxYamlBytes, parseYaml } from "./yaml.ts";

const knownVersions = /^(?:6\.[01]|7\.0|9\.0)$/;

/**
 * Reads a `pnpm-lock.yaml` of lockfileVersion 6.0, 6.1 (pnpm 8), 7.0 (pnpm 9 before its release) or 9.0 (pnpm 9 to 12).
 *
 * pnpm 11 and later write two YAML documents into one file, the first one for configuration dependencies: all are
 * read. What `packages` lists is what has bytes; peers in a key (`a@1.0.0(b@2.0.0)`) choose no other bytes, aliases
 * and catalogs have come out as real names. A snapshot without its package is refused: nothing would say what it is.
 *
 * Throws BAD_FORMAT, naming the place, for anything else; older versions with the way to upgrade.
 */
export function parsePnpmLock(bytes: Uint8Array): Lockfile {
  return readPnpmDocuments(parseYaml(lockfileText(bytes, maxYamlBytes)).filter((document) => document !== undefined));
}

/**
 * As `parsePnpmLock`, of the objects that pnpm hands to its hooks: maps or plain objects, a key with or without peers.
 * Throws BAD_FORMAT, naming the place.
 */
export function readPnpmDocuments(documents: readonly unknown[]): Lockfile {
  if (documents.length === 0) throw malformed("it is empty");
  const versions = new Set<string>();
  const judged: Judged[] = [];
  const skipped = { bundled: 0, links: 0, folders: 0, patched: 0 };
  for (const [at, document] of documents.entries()) {
    const where = documents.length === 1 ? "the file" : `document ${at + 1}`;
    const root = asObject(document, where);
    const version = checkVersion(root, where);
    versions.add(version);
    const packages = optionalObject(root, "packages", where);
    checkCount(judged.length + packages.size, "packages");
    for (const [key, value] of packages) {
      const found = readPackage(key, value, version);
      if (found === "folder") skipped.folders += 1;
      else judged.push(found);
    }
    checkSnapshots(optionalObject(root, "snapshots", where), packages);
  }
  return { client: "pnpm", format: `pnpm ${[...versions].join(", ")}`, ...gather(judged), unpinned: [], skipped };
}

function checkVersion(root: ReadonlyMap<string, unknown>, where: string): string {
  const version = optionalText(root, "lockfileVersion", where);
  if (version !== undefined && knownVersions.test(version)) return version;
  if (version !== undefined && /^(?:[1-5](?:\.\d+)?)$/.test(version))
    throw malformed(
      `lockfileVersion ${version} is older than 6.0; write it again with pnpm 8 or later: pnpm install --lockfile-only`,
    );
  throw malformed("lockfileVersion must be 6.0, 6.1, 7.0 or 9.0");
}

function readPackage(key: string, value: unknown, version: string): Judged | "folder" {
  const path = checkPath(key);
  const where = `packages[${JSON.stringify(path)}]`;
  const fields = asObject(value, where);
  if (!fields.has("resolution")) throw malformed(`${where} has no resolution`);
  const resolution = asObject(fields.get("resolution"), `${where}.resolution`);
  const text = (field: string): string | undefined => optionalText(resolution, field, `${where}.resolution`);
  const type = text("type");
  if (type === "directory") return "folder";
  const named = { name: optionalText(fields, "name", where), version: optionalText(fields, "version", where) };
  const origin = version.startsWith("6") ? originInVersion6(path, named) : originOf(path, named);
  if (origin === undefined) throw malformed(`${where} is not <name>@<version>`);
  const entry = { path, name: origin.name, version: origin.version };
  if (type !== undefined) return refuse(entry, type === "git" ? "git" : "foreign");
  const source = sourceOf(origin, text("tarball"), isGitHosted(resolution.get("gitHosted")));
  return source === undefined
    ? judgeEntry({ ...entry, resolved: undefined, integrity: text("integrity") })
    : refuse(entry, source);
}

/** What a key says: a package, and where it comes from when that is not simply the registry. */
interface Origin {
  readonly name: string;
  readonly version: string | undefined;
  readonly source: string | undefined;
}

type Named = { readonly name: string | undefined; readonly version: string | undefined };

/** `name@version`, or `name@<source>` with the version in a field. */
function originOf(key: string, { version }: Named): Origin | undefined {
  const at = key.indexOf("@", 1);
  if (at < 0) return undefined;
  const reference = withoutPeers(key.slice(at + 1));
  const isVersion = !/[:/]/.test(reference);
  return {
    name: key.slice(0, at),
    version: isVersion ? reference : version,
    source: isVersion ? undefined : reference,
  };
}

/** With a slash in front as `originOf`; else a source, with name and version in fields. */
function originInVersion6(key: string, { name, version }: Named): Origin | undefined {
  if (key.startsWith("/")) return originOf(key.slice(1), { name, version });
  return { name: name ?? key, version, source: key };
}

/** A key that holds a version means a registry, wherever it has the tarball from: the digest decides. */
function sourceOf({ source }: Origin, tarball: string | undefined, gitHosted: boolean): UnverifiableReason | undefined {
  if (gitHosted) return "git";
  if (tarball?.startsWith("file:") === true || source?.startsWith("file:") === true) return "file";
  if (source === undefined) return undefined;
  const place = tarball ?? source;
  return /^https?:/i.test(place) || place.includes("git") ? sourceOutsideRegistry(place) : "foreign";
}

function isGitHosted(value: unknown): boolean {
  return value === true || value === "true";
}

function withoutPeers(reference: string): string {
  const at = reference.indexOf("(");
  return at < 0 ? reference : reference.slice(0, at);
}

function checkSnapshots(snapshots: ReadonlyMap<string, unknown>, packages: ReadonlyMap<string, unknown>): void {
  for (const key of snapshots.keys()) {
    const at = key.indexOf("@", 1);
    const base = key.slice(0, at + 1) + withoutPeers(key.slice(at + 1));
    if (!packages.has(base) && !packages.has(key))
      throw malformed(`snapshots[${JSON.stringify(checkPath(key))}] is of no package`);
  }
}
