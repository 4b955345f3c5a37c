import { AssayError, isAssayError, parseJson } from "@assay/core";
import { judgeEntry, type Judged, type LockEntry } from "./locked-entry.ts";
import type { LockedPackage, Lockfile, UnverifiablePackage } from "./lockfile.ts";

/** Largest lockfile that is read, in bytes. */
export const maxLockfileBytes: number = 64 * 1024 * 1024;

const maxEntries = 100_000;
const maxPathLength = 4_096;
const maxFieldLength = 8_192;

/**
 * Reads a `package-lock.json` or `npm-shrinkwrap.json` of lockfileVersion 2 or 3.
 *
 * Both lists of a version 2 file are read, because npm 6 installs from `dependencies` and later ones from
 * `packages`: an entry of `dependencies` that says the same as its twin counts once, one that says something
 * else is judged by itself.
 *
 * Throws BAD_FORMAT, naming the place, for anything that is not such a file: too large, not UTF-8, not strict
 * JSON, a key twice in one object, version 1 (the sentence says how to upgrade), a field of a wrong type.
 */
export function parsePackageLock(bytes: Uint8Array): Lockfile {
  const root = asObject(parseStrictly(bytes), "the file");
  const version = root.get("lockfileVersion");
  if (version === 1 || (version === undefined && root.has("dependencies")))
    throw malformed(
      "lockfileVersion 1 holds too little to check; upgrade it with `npm install --package-lock-only --lockfile-version 3`",
    );
  if (version !== 2 && version !== 3) throw malformed("lockfileVersion must be 2 or 3");
  if (!root.has("packages")) throw malformed("it has no `packages`");

  const reading = readPackages(asObject(root.get("packages"), "`packages`"));
  const legacy = root.has("dependencies") ? readLegacy(root.get("dependencies"), reading.byPath) : [];
  const judged = [...reading.judged, ...legacy];
  return {
    format: `npm ${version}`,
    packages: judged.flatMap((each): LockedPackage[] => ("locked" in each ? [each.locked] : [])),
    unverifiable: judged.flatMap((each): UnverifiablePackage[] => ("unverifiable" in each ? [each.unverifiable] : [])),
    skipped: reading.skipped,
  };
}

/** What the other list of the file knows about a path. */
type Known =
  | { readonly kind: "judged"; readonly judged: Judged }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "bundled" }
  | { readonly kind: "folder" };

interface Reading {
  readonly judged: readonly Judged[];
  readonly byPath: ReadonlyMap<string, Known>;
  readonly skipped: Lockfile["skipped"];
}

function readPackages(packages: ReadonlyMap<string, unknown>): Reading {
  if (packages.size > maxEntries) throw malformed(`more than ${maxEntries} packages`);
  const byPath = new Map<string, Known>();
  const skipped = { bundled: 0, links: 0, folders: 0 };
  for (const [path, value] of packages) {
    const known = readPackage(checkPath(path), value, packages);
    byPath.set(path, known);
    if (known.kind === "link") skipped.links += 1;
    if (known.kind === "bundled") skipped.bundled += 1;
    if (known.kind === "folder" && path !== "") skipped.folders += 1;
  }
  const judged = [...byPath.values()].flatMap((known) => (known.kind === "judged" ? [known.judged] : []));
  return { judged, byPath, skipped };
}

function readPackage(path: string, value: unknown, packages: ReadonlyMap<string, unknown>): Known {
  const where = `packages[${JSON.stringify(path)}]`;
  const fields = asObject(value, where);
  const resolved = optionalText(fields, "resolved", where);
  const integrity = optionalText(fields, "integrity", where);
  const version = optionalText(fields, "version", where);
  if (optionalFlag(fields, "link", where)) return { kind: "link", target: resolved ?? "" };

  const folder = installedName(path);
  const fetched = resolved !== undefined || integrity !== undefined;
  // A folder of the project has no bytes from outside; one that claims some is judged like a package.
  if (folder === undefined && !fetched) return { kind: "folder" };
  const name = optionalText(fields, "name", where) ?? folder ?? path;
  const entry: LockEntry = { path, name, version, resolved, integrity };
  if (optionalFlag(fields, "inBundle", where) && !fetched) {
    // Its bytes are in the tarball around it. Without such a tarball the claim would hide it from the check.
    return isInsidePackage(path, packages) ? { kind: "bundled" } : { kind: "judged", judged: orphan(entry) };
  }
  return { kind: "judged", judged: judgeEntry(entry) };
}

function orphan({ path, name, version = "" }: LockEntry): Judged {
  return { unverifiable: { path, name, version, reason: "orphan-bundled" } };
}

const folderMark = "node_modules/";

/** `a/node_modules/@s/n` → `@s/n`; undefined where the path is not below a node_modules folder. */
function installedName(path: string): string | undefined {
  const at = path.lastIndexOf(folderMark);
  const start = at === 0 || path[at - 1] === "/" ? at : -1;
  return start < 0 ? undefined : path.slice(start + folderMark.length);
}

/** True when a package that is fetched stands around this path. */
function isInsidePackage(path: string, packages: ReadonlyMap<string, unknown>): boolean {
  for (let at = path.lastIndexOf("/node_modules/"); at > 0; at = path.lastIndexOf("/node_modules/", at - 1)) {
    const outer = packages.get(path.slice(0, at));
    if (outer === undefined || installedName(path.slice(0, at)) === undefined) continue;
    const fields = asObject(outer, `packages[${JSON.stringify(path.slice(0, at))}]`);
    if (fields.get("link") !== true && (fields.has("resolved") || fields.has("integrity"))) return true;
  }
  return false;
}

/** The entries of the tree that npm 6 reads, as far as they differ from what `packages` says. */
function readLegacy(tree: unknown, byPath: ReadonlyMap<string, Known>): Judged[] {
  const different: Judged[] = [];
  let count = 0;
  // As deep as JSON may be nested, which its parser limits.
  const walk = (level: unknown, base: string, where: string): void => {
    for (const [key, value] of asObject(level, where)) {
      count += 1;
      if (count > maxEntries) throw malformed(`more than ${maxEntries} dependencies`);
      const path = checkPath(`${base}${folderMark}${key}`);
      const here = `${where}[${JSON.stringify(key)}]`;
      const fields = asObject(value, here);
      const known = byPath.get(path);
      const judged = known?.kind === "link" ? undefined : judgeLegacy(path, key, fields, known, here);
      if (judged !== undefined) different.push(judged);
      const inner = known?.kind === "link" ? `${known.target}/` : `${path}/`;
      if (fields.has("dependencies")) walk(fields.get("dependencies"), inner, `${here}.dependencies`);
    }
  };
  walk(tree, "", "dependencies");
  return different;
}

function judgeLegacy(
  path: string,
  key: string,
  fields: ReadonlyMap<string, unknown>,
  known: Known | undefined,
  where: string,
): Judged | undefined {
  const integrity = optionalText(fields, "integrity", where);
  const spec = optionalText(fields, "version", where);
  const bundled = optionalFlag(fields, "bundled", where);
  if (bundled && integrity === undefined && known?.kind === "bundled") return undefined;
  const alias = /^npm:(.+)@([^@]+)$/s.exec(spec ?? "");
  // In this list the version of what is no registry package is where it comes from.
  const isSource = alias === null && /[:/]/.test(spec ?? "");
  const judged = judgeEntry({
    path: `dependencies: ${path}`,
    name: alias?.[1] ?? key,
    version: isSource ? undefined : (alias?.[2] ?? spec),
    resolved: isSource ? spec : optionalText(fields, "resolved", where),
    integrity,
  });
  return known?.kind === "judged" && saysTheSame(judged, known.judged) ? undefined : judged;
}

function saysTheSame(one: Judged, other: Judged): boolean {
  if ("locked" in one && "locked" in other)
    return (
      one.locked.name === other.locked.name &&
      one.locked.version === other.locked.version &&
      one.locked.integrity === other.locked.integrity
    );
  return "unverifiable" in one && "unverifiable" in other;
}

function parseStrictly(bytes: Uint8Array): unknown {
  if (bytes.length > maxLockfileBytes) throw malformed(`larger than ${maxLockfileBytes} bytes`);
  let text: string;
  try {
    // npm reads past a byte order mark, so one is no reason to refuse; TextDecoder drops it.
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw malformed("it is not UTF-8", error);
  }
  try {
    const { value, duplicateKeys } = parseJson(text);
    const [twice] = duplicateKeys;
    if (twice !== undefined) throw malformed(`the key ${JSON.stringify(twice)} stands there twice`);
    return value;
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT") && error.details.what !== lockfileWords)
      throw malformed(error.details.reason, error);
    throw error;
  }
}

function checkPath(path: string): string {
  if (path.length > maxPathLength) throw malformed(`a path is longer than ${maxPathLength}`);
  // Paths are printed: nothing in them may drive a terminal.
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(path))
    throw malformed(`the path ${JSON.stringify(path).slice(0, 200)} holds a control character`);
  return path;
}

function asObject(value: unknown, where: string): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(`${where} is not an object`);
  return new Map(Object.entries(value));
}

function optionalText(fields: ReadonlyMap<string, unknown>, field: string, where: string): string | undefined {
  const value = fields.get(field);
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value.length > maxFieldLength)
    throw malformed(`${where}.${field} is not a string of at most ${maxFieldLength} characters`);
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(value)) throw malformed(`${where}.${field} holds a control character`);
  return value;
}

function optionalFlag(fields: ReadonlyMap<string, unknown>, field: string, where: string): boolean {
  const value = fields.get(field);
  if (value !== undefined && typeof value !== "boolean") throw malformed(`${where}.${field} is not true or false`);
  return value === true;
}

const lockfileWords = "The lockfile";

function malformed(reason: string, cause?: unknown): AssayError {
  return new AssayError("BAD_FORMAT", { what: lockfileWords, reason }, { cause });
}
