import { parseIntegrity, parsePackageName, parseVersion, isAssayError, type Integrity } from "@assay/core";
import type { LockedPackage, Lockfile, UnverifiablePackage, UnverifiableReason } from "./lockfile.ts";

/** The fields of one lock entry that say which bytes are installed. Undefined: not in the lockfile. */
export interface LockEntry {
  readonly path: string;
  readonly name: string;
  readonly version: string | undefined;
  readonly resolved: string | undefined;
  readonly integrity: string | undefined;
}

/** What an entry is: a package to verify, or one that cannot be. */
export type Judged = { readonly locked: LockedPackage } | { readonly unverifiable: UnverifiablePackage };

/**
 * Decides whether an entry can be held against the log. The host and path of `resolved` prove nothing and are
 * not needed (the digest decides); only where they show that no registry is meant is the entry set apart.
 */
export function judgeEntry(entry: LockEntry): Judged {
  const outside = sourceOutsideRegistry(entry.resolved);
  if (outside !== undefined) return refuse(entry, outside);
  if (entry.version === undefined) return refuse(entry, "no-version");
  const integrity = onlySha512(entry.integrity);
  if ("reason" in integrity) return refuse(entry, integrity.reason);
  try {
    return {
      locked: {
        name: parsePackageName(entry.name),
        version: parseVersion(entry.version),
        integrity: integrity.integrity,
        path: entry.path,
      },
    };
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return refuse(entry, "bad-name");
  }
}

/** The two lists of a lockfile, each in the order of the file. */
export function gather(judged: readonly Judged[]): Pick<Lockfile, "packages" | "unverifiable"> {
  return {
    packages: judged.flatMap((each) => ("locked" in each ? [each.locked] : [])),
    unverifiable: judged.flatMap((each) => ("unverifiable" in each ? [each.unverifiable] : [])),
  };
}

/** True when a path or URL names an archive, as opposed to a folder. */
export function isTarballName(path: string): boolean {
  return /\.(?:tgz|tar\.gz|tar)$/i.test(path.replace(/[?#].*$/s, ""));
}

/**
 * The version as the registry lists it: Yarn 1 and npm 6 write `1.0.0` for `1.0.0+build.5`, and only the file name in
 * the URL still says so.
 */
export function withBuild(name: string, version: string, resolved: string | undefined): string {
  const file = /\/([^/?#]+)\.tgz(?:[?#]|$)/.exec(resolved ?? "")?.[1];
  const start = `${name.slice(name.indexOf("/") + 1)}-${version}+`;
  return file?.startsWith(start) === true ? `${version}+${file.slice(start.length)}` : version;
}

/** An entry that cannot be held against the log, whatever its digests. */
export function refuse(entry: Pick<LockEntry, "path" | "name" | "version">, reason: UnverifiableReason): Judged {
  const { path, name, version = "" } = entry;
  return { unverifiable: { name, version, path, reason } };
}

/** How the specifiers of git sources begin. */
const gitSource = /^(?:git(?:\+[a-z]+)?:|git@|ssh:|github:|gitlab:|bitbucket:|gist:)/i;

/** Why this URL or specifier is no registry's; undefined when it may be one's, or is absent. */
export function sourceOutsideRegistry(resolved: string | undefined): UnverifiableReason | undefined {
  // npm leaves `resolved` out of registry entries with `omit-lockfile-registry-resolved`, and of no others.
  if (resolved === undefined) return undefined;
  if (gitSource.test(resolved)) return "git";
  if (/^file:/i.test(resolved)) return "file";
  if (!/^https?:\/\//i.test(resolved)) return "url";
  // The one mark that all registry tarball URLs share, and that code hosts' archives lack.
  const path = resolved.replace(/[?#].*$/s, "");
  return path.includes("/-/") ? undefined : "url";
}

/**
 * The one sha512 of an SRI string (W3C Subresource Integrity §3). npm takes the strongest algorithm and accepts
 * *any* of its digests, so a second sha512 would let other bytes through beside the ones that were checked.
 */
function onlySha512(
  text: string | undefined,
): { readonly integrity: Integrity } | { readonly reason: UnverifiableReason } {
  const hashes = new Set((text ?? "").split(/[ \t\r\n]+/).map((hash) => hash.replace(/\?.*$/s, "")));
  hashes.delete("");
  if (hashes.size === 0) return { reason: "no-integrity" };
  for (const hash of hashes) {
    if (!/^(?:sha1|sha256|sha384|sha512)-[A-Za-z0-9+/]+={0,2}$/.test(hash)) return { reason: "bad-integrity" };
  }
  const strong = [...hashes].filter((hash) => hash.startsWith("sha512-"));
  const [first] = strong;
  if (first === undefined) return { reason: "weak-integrity" };
  if (strong.length > 1) return { reason: "ambiguous-integrity" };
  try {
    return { integrity: parseIntegrity(first) };
  } catch (error) {
    if (!isAssayError(error)) throw error;
    return { reason: "bad-integrity" };
  }
}
