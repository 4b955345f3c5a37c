import { withBuild, type LockEntry } from "./locked-entry.ts";
import { asObject, checkCount, checkPath, optionalFlag, optionalText } from "./reading.ts";

/** One entry of the nested list that npm 5 and 6 install from. */
export interface TreeEntry {
  /** As if it were in `packages`: `node_modules/a/node_modules/b`. */
  readonly path: string;
  /** `entry.path` is `path`. */
  readonly entry: LockEntry;
  /** Said to be inside the tarball of a package around it. */
  readonly bundled: boolean;
  /** The entry that this one stands in. */
  readonly around: TreeEntry | undefined;
}

/**
 * Reads the list `dependencies` of a package-lock.json of lockfileVersion 1 or 2, depth first. `folderOf` says where
 * the inner entries of one stand (a link's are below its target). Throws BAD_FORMAT, naming the place.
 */
export function readTree(tree: unknown, folderOf: (path: string) => string): readonly TreeEntry[] {
  const found: TreeEntry[] = [];
  // As deep as JSON may be nested, which its parser limits.
  const walk = (level: unknown, folder: string, around: TreeEntry | undefined, where: string): void => {
    for (const [key, value] of asObject(level, where)) {
      const here = `${where}[${JSON.stringify(key)}]`;
      const fields = asObject(value, here);
      const path = checkPath(`${folder}node_modules/${key}`);
      const bundled = optionalFlag(fields, "bundled", here);
      const one: TreeEntry = { path, entry: entryOf(path, key, fields, here), bundled, around };
      found.push(one);
      checkCount(found.length, "dependencies");
      if (fields.has("dependencies")) walk(fields.get("dependencies"), folderOf(path), one, `${here}.dependencies`);
    }
  };
  walk(tree, "", undefined, "dependencies");
  return found;
}

function entryOf(path: string, key: string, fields: ReadonlyMap<string, unknown>, where: string): LockEntry {
  const spec = optionalText(fields, "version", where);
  const alias = /^npm:(.+)@([^@]+)$/s.exec(spec ?? "");
  // In this list the version of what is no registry package is where it comes from.
  const isSource = alias === null && /[:/]/.test(spec ?? "");
  const name = alias?.[1] ?? key;
  const version = alias?.[2] ?? spec;
  const resolved = isSource ? spec : optionalText(fields, "resolved", where);
  return {
    path,
    name,
    version: isSource || version === undefined ? undefined : withBuild(name, version, resolved),
    resolved,
    integrity: optionalText(fields, "integrity", where),
  };
}
