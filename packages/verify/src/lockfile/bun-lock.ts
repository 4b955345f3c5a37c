import { gather, isTarballName, judgeEntry, refuse, sourceOutsideRegistry, type Judged } from "./locked-entry.ts";
import type { Lockfile, UnverifiableReason } from "./lockfile.ts";
import { blankJsonc } from "./jsonc.ts";
import { asObject, asText, checkCount, checkPath, lockfileJson, lockfileText, malformed } from "./reading.ts";

/**
 * Reads a `bun.lock` of lockfileVersion 0, 1 or 2: JSON with trailing commas, a tuple a package. A package of a registry is
 * `["name@version", "url or empty", {…}, "sha512-…"]`; sources of other kinds have other lengths.
 *
 * Throws BAD_FORMAT, naming the place, for anything else.
 */
export function parseBunLock(bytes: Uint8Array): Lockfile {
  const root = asObject(lockfileJson(blankJsonc(lockfileText(bytes))), "the file");
  const version = root.get("lockfileVersion");
  if (version !== 0 && version !== 1 && version !== 2) throw malformed("lockfileVersion must be 0, 1 or 2");
  if (!root.has("packages")) throw malformed("it has no `packages`");
  const packages = asObject(root.get("packages"), "`packages`");
  checkCount(packages.size, "packages");
  const judged: Judged[] = [];
  const skipped = { bundled: 0, links: 0, folders: 0, patched: 0 };
  for (const [key, value] of packages) {
    const found = readPackage(checkPath(key), value);
    if (found === "links" || found === "folders") skipped[found] += 1;
    else judged.push(found);
  }
  return { client: "bun", format: `bun ${version}`, ...gather(judged), unpinned: [], skipped };
}

function readPackage(path: string, value: unknown): Judged | "links" | "folders" {
  const where = `packages[${JSON.stringify(path)}]`;
  if (!Array.isArray(value) || value.length === 0 || value.length > 5)
    throw malformed(`${where} is not a list of 1 to 5`);
  const tuple: readonly unknown[] = value;
  const id = asText(tuple[0], `${where}[0]`);
  const at = id.indexOf("@", 1);
  if (at < 0) throw malformed(`${where}[0] is not <name>@<version or source>`);
  const name = id.slice(0, at);
  const reference = id.slice(at + 1);
  if (/^(?:workspace|root):/.test(reference)) return "folders";
  if (/^link:/.test(reference)) return "links";
  const source = sourceOf(reference);
  if (source === "folder") return "folders";
  if (source !== undefined) return refuse({ path, name, version: undefined }, source);
  if (tuple.length !== 4) throw malformed(`${where} is not a package of a registry: 4 elements are expected`);
  asText(tuple[1], `${where}[1]`);
  asObject(tuple[2], `${where}[2]`);
  const integrity = asText(tuple[3], `${where}[3]`);
  return judgeEntry({ path, name, version: reference, resolved: undefined, integrity });
}

function sourceOf(reference: string): UnverifiableReason | "folder" | undefined {
  const outside = /[:/]/.test(reference) ? sourceOutsideRegistry(reference) : undefined;
  if (outside === "git") return "git";
  if (isTarballName(reference)) return /^https?:/i.test(reference) ? "url" : "file";
  if (/^file:/.test(reference)) return "folder";
  return /[:/]/.test(reference) ? "url" : undefined;
}
