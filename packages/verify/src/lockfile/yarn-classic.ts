import { gather, isTarballName, judgeEntry, refuse, withBuild, type Judged } from "./locked-entry.ts";
import type { Lockfile } from "./lockfile.ts";
import { checkCount, lockfileText, placeOf } from "./reading.ts";
import { readYarnEntries } from "./yarn-entries.ts";

/**
 * Reads a `yarn.lock` of Yarn 1. `resolved` proves nothing, its `#sha1` is too weak to count: the sha512 in
 * `integrity` is what is held against the log. Throws BAD_FORMAT, naming the line, for what is not such a file.
 */
export function parseYarnClassic(bytes: Uint8Array): Lockfile {
  const skipped = { bundled: 0, links: 0, folders: 0, patched: 0 };
  const judged: Judged[] = [];
  for (const { descriptors, fields } of readYarnEntries(lockfileText(bytes))) {
    const path = placeOf(descriptors);
    const [resolved, integrity, listed] = ["resolved", "integrity", "version"].map((field) => fields.get(field)?.value);
    if (resolved === undefined && descriptors.every(isFolder)) {
      skipped.folders += 1;
      continue;
    }
    // Aliases of one package share an entry. Several packages in one would be installed from the same bytes: each is held.
    for (const name of new Set(descriptors.map(packageName))) {
      const version = listed === undefined ? undefined : withBuild(name, listed, resolved);
      const entry = { path, name, version, resolved: urlOf(resolved), integrity };
      judged.push(descriptors.some(isLocalTarball) ? refuse(entry, "file") : judgeEntry(entry));
    }
    checkCount(judged.length, "packages");
  }
  return { client: "yarn", format: "yarn 1", ...gather(judged), unpinned: [], skipped };
}

/** With an offline mirror Yarn writes a file name alone: still a registry's tarball, and it is the digest that decides. */
function urlOf(resolved: string | undefined): string | undefined {
  return resolved?.includes(":") === true ? resolved : undefined;
}

/** `@s/n@^1.0.0` → `^1.0.0`. */
function rangeOf(descriptor: string): string {
  return descriptor.slice(descriptor.indexOf("@", 1) + 1);
}

/** The name in the registry: that of an alias is behind its `npm:`. */
export function packageName(descriptor: string): string {
  const range = rangeOf(descriptor);
  const real = /^npm:((?:@[^@/]+\/)?[^@/]+)/.exec(range)?.[1];
  return real ?? descriptor.slice(0, descriptor.indexOf("@", 1));
}

function isFolder(descriptor: string): boolean {
  return /^(?:file|link|portal):/.test(rangeOf(descriptor)) && !isTarballName(rangeOf(descriptor));
}

function isLocalTarball(descriptor: string): boolean {
  return /^file:/.test(rangeOf(descriptor)) && isTarballName(rangeOf(descriptor));
}
