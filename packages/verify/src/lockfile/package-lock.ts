import { gather, isTarballName, judgeEntry, type Judged, type LockEntry } from "./locked-entry.ts";
import type { Lockfile, SkippedCounts } from "./lockfile.ts";
import {
  asObject,
  checkCount,
  checkPath,
  lockfileJson,
  lockfileText,
  malformed,
  optionalFlag,
  optionalText,
} from "./reading.ts";
import { readTree, type TreeEntry } from "./package-lock-tree.ts";

/**
 * Reads a `package-lock.json` or `npm-shrinkwrap.json` of lockfileVersion 1, 2 or 3.
 *
 * Both lists of a version 2 file are read, because npm 6 installs from `dependencies` and later ones from
 * `packages`: an entry of `dependencies` that says the same as its twin counts once, one that says something
 * else is judged by itself.
 *
 * Throws BAD_FORMAT, naming the place, for anything that is not such a file: too large, not UTF-8, not strict
 * JSON, a key twice in one object, no version (npm before 5), a field of a wrong type.
 */
export function parsePackageLock(bytes: Uint8Array): Lockfile {
  const root = asObject(lockfileJson(lockfileText(bytes)), "the file");
  const version = root.get("lockfileVersion");
  if (version === undefined && root.has("dependencies"))
    throw malformed(
      "without lockfileVersion it holds too little to check; write it again with `npm install --package-lock-only`",
    );
  if (version !== 1 && version !== 2 && version !== 3) throw malformed("lockfileVersion must be 1, 2 or 3");
  const { judged, skipped } = version === 1 ? readVersion1(root) : readBothLists(root);
  return { client: "npm", format: `npm ${version}`, ...gather(judged), unpinned: [], skipped };
}

interface Read {
  readonly judged: readonly Judged[];
  readonly skipped: SkippedCounts;
}

function readBothLists(root: ReadonlyMap<string, unknown>): Read {
  if (!root.has("packages")) throw malformed("it has no `packages`");
  const reading = readPackages(asObject(root.get("packages"), "`packages`"));
  const legacy = root.has("dependencies") ? readLegacy(root.get("dependencies"), reading.byPath) : [];
  return { judged: [...reading.judged, ...legacy], skipped: reading.skipped };
}

/** npm 5 and 6: a nested list alone. */
function readVersion1(root: ReadonlyMap<string, unknown>): Read {
  // npm 6 would install from one list, npm 7 and later from the other.
  if (root.has("packages")) throw malformed("lockfileVersion 1 has no `packages`");
  const skipped = { bundled: 0, links: 0, folders: 0, patched: 0 };
  const judged: Judged[] = [];
  for (const { entry, bundled, around } of readTree(root.get("dependencies") ?? {}, (path) => `${path}/`)) {
    if (bundled && entry.integrity === undefined) {
      if (isInsideFetched(around)) skipped.bundled += 1;
      else judged.push(orphan(entry));
    } else if (isFolder(entry)) {
      // npm links folders; what they need stands in the list by itself.
      skipped.links += 1;
    } else {
      judged.push(judgeEntry(entry));
    }
  }
  return { judged, skipped };
}

function isFolder({ resolved, integrity }: LockEntry): boolean {
  return resolved !== undefined && /^file:/i.test(resolved) && !isTarballName(resolved) && integrity === undefined;
}

function isInsideFetched(around: TreeEntry | undefined): boolean {
  for (let outer = around; outer !== undefined; outer = outer.around) {
    if (outer.entry.integrity !== undefined && !outer.bundled) return true;
  }
  return false;
}

/** What the other list of the file knows about a path. */
type Known =
  | { readonly kind: "judged"; readonly judged: Judged }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "bundled" }
  | { readonly kind: "folder" };

interface Reading extends Read {
  readonly byPath: ReadonlyMap<string, Known>;
}

function readPackages(packages: ReadonlyMap<string, unknown>): Reading {
  checkCount(packages.size, "packages");
  const byPath = new Map<string, Known>();
  const skipped = { bundled: 0, links: 0, folders: 0, patched: 0 };
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
  const folderOf = (path: string): string => {
    const known = byPath.get(path);
    return known?.kind === "link" ? `${known.target}/` : `${path}/`;
  };
  return readTree(tree, folderOf).flatMap(({ path, entry, bundled }) => {
    const known = byPath.get(path);
    if (known?.kind === "link") return [];
    if (bundled && entry.integrity === undefined && known?.kind === "bundled") return [];
    const judged = judgeEntry({ ...entry, path: `dependencies: ${path}` });
    return known?.kind === "judged" && saysTheSame(judged, known.judged) ? [] : [judged];
  });
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
