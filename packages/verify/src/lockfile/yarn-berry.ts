import { isAssayError, parsePackageName, parseVersion } from "@assay/core";
import { gather, isTarballName, refuse, sourceOutsideRegistry, type Judged } from "./locked-entry.ts";
import type { Lockfile, UnpinnedPackage, UnverifiableReason } from "./lockfile.ts";
import { asObject, checkCount, checkPath, lockfileText, malformed, optionalText, placeOf } from "./reading.ts";
import { maxYamlBytes, parseYaml } from "./yaml.ts";

/** Yarn 2.1 writes 4, Yarn 4.18 writes 10. */
const knownVersions = { oldest: 4, newest: 10 };

/**
 * Reads a `yarn.lock` of Yarn 2 and later (`__metadata.version` 4 to 10).
 *
 * Its checksum is of the archive that Yarn itself makes of a tarball, so it pins no bytes that anybody else knows:
 * registry packages come out as `unpinned`. Patched packages count with the one that they are made from, which must
 * be in the lockfile. Throws BAD_FORMAT, naming the place, for what is not such a file.
 */
export function parseYarnBerry(bytes: Uint8Array): Lockfile {
  const [document, more] = parseYaml(lockfileText(bytes, maxYamlBytes));
  if (more !== undefined) throw malformed("it holds more than one YAML document");
  const root = asObject(document, "the file");
  const version = metadataVersion(root);
  checkCount(root.size, "packages");
  const entries = [...root].filter(([key]) => key !== "__metadata");
  return berryLockfile(
    `yarn berry ${version}`,
    entries.map(([key, value]) => readEntry(placeOf(key.split(", ")), value)),
  );
}

/**
 * What locators are, as a lockfile: those of registries unpinned, patches with what they were made from. For the reader,
 * and for a plugin that has Yarn's packages in memory. Throws BAD_FORMAT for a URL that drives a terminal.
 */
export function berryLockfile(format: string, locators: readonly BerryLocator[]): Lockfile {
  const unpinned: UnpinnedPackage[] = [];
  const judged: Judged[] = [];
  const patches: BerryLocator[] = [];
  const skipped = { bundled: 0, links: 0, folders: 0, patched: 0 };
  for (const locator of locators) {
    const found = classify(locator);
    if (found.kind === "registry") unpinned.push(found.unpinned);
    else if (found.kind === "judged") judged.push(found.judged);
    else if (found.kind === "patched") patches.push(locator);
    else skipped[found.kind] += 1;
  }
  const known = new Set(unpinned.map(({ name, version }) => `${name}@${version}`));
  for (const locator of patches) {
    if (known.has(patchedFrom(locator.reference) ?? "")) skipped.patched += 1;
    else judged.push(refuse(locator, "orphan-patch"));
  }
  return { client: "yarn", format, ...gather(judged), unpinned, skipped };
}

function metadataVersion(root: ReadonlyMap<string, unknown>): number {
  if (!root.has("__metadata")) throw malformed("it has no __metadata");
  const text = optionalText(asObject(root.get("__metadata"), "__metadata"), "version", "__metadata") ?? "";
  if (!/^[1-9]\d{0,3}$/.test(text)) throw malformed("__metadata.version is not a number");
  const version = Number(text);
  const { oldest, newest } = knownVersions;
  if (version < oldest || version > newest)
    throw malformed(`__metadata.version ${version} is not known; ${oldest} to ${newest} are`);
  return version;
}

/** What Yarn calls a locator: a name, and where exactly it comes from (`npm:1.0.0`, `workspace:.`). */
export interface BerryLocator {
  /** Where it stands in the lockfile, for people. */
  readonly path: string;
  readonly name: string;
  readonly version: string | undefined;
  readonly reference: string;
}

type Found =
  | { readonly kind: "registry"; readonly unpinned: UnpinnedPackage }
  | { readonly kind: "judged"; readonly judged: Judged }
  | { readonly kind: "patched" | "links" | "folders" };

function readEntry(path: string, value: unknown): BerryLocator {
  const where = `[${JSON.stringify(path)}]`;
  const fields = asObject(value, where);
  const resolution = optionalText(fields, "resolution", where);
  const at = resolution?.indexOf("@", 1) ?? -1;
  if (resolution === undefined || at < 0) throw malformed(`${where}.resolution is not <name>@<reference>`);
  const version = optionalText(fields, "version", where);
  return { path, name: resolution.slice(0, at), version, reference: resolution.slice(at + 1) };
}

function classify(located: BerryLocator): Found {
  const { reference } = located;
  const protocol = /^([a-z][a-z+]*):/i.exec(reference)?.[1] ?? "";
  switch (protocol) {
    case "npm":
      return registryEntry(located);
    case "workspace":
      return { kind: "folders" };
    case "link":
    case "portal":
      return { kind: "links" };
    case "patch":
      return { kind: "patched" };
    case "file":
      return isTarballName(fileOf(reference))
        ? { kind: "judged", judged: refuse(located, "file") }
        : { kind: "folders" };
    default:
      return { kind: "judged", judged: refuse(located, outside(reference)) };
  }
}

/** `npm:1.0.0`, or `npm:1.0.0::__archiveUrl=…` where the tarball is not at the registry's usual place. */
function registryEntry(located: BerryLocator): Found {
  const { path, name, reference } = located;
  const [version = "", parameters] = reference.slice("npm:".length).split("::", 2);
  try {
    const archiveUrl = new URLSearchParams(parameters ?? "").get("__archiveUrl") ?? undefined;
    return {
      kind: "registry",
      unpinned: {
        name: parsePackageName(name),
        version: parseVersion(version),
        path,
        archiveUrl: archiveUrl && checkPath(archiveUrl),
      },
    };
  } catch (error) {
    if (!isAssayError(error, "BAD_NAME") && !isAssayError(error, "BAD_VERSION")) throw error;
    return { kind: "judged", judged: refuse(located, "bad-name") };
  }
}

/** `file:./x.tgz#./x.tgz::hash=…` → `./x.tgz`. */
function fileOf(reference: string): string {
  return reference.slice("file:".length).replace(/(?:#|::).*$/s, "");
}

function outside(reference: string): UnverifiableReason {
  if (/#(?:.*&)?commit=/.test(reference)) return "git";
  if (reference.startsWith("jsr:")) return "jsr";
  return /^https?:/i.test(reference)
    ? "url"
    : (sourceOutsideRegistry(reference.includes("git") ? reference : undefined) ?? "foreign");
}

/** `patch:a@npm%3A1.0.0#…` → `a@1.0.0`; undefined when it is made of something else. */
function patchedFrom(reference: string): string | undefined {
  const [source = ""] = reference.slice("patch:".length).split("#", 1);
  try {
    const parts = /^(.+)@npm:([^:]+)(?:::.*)?$/s.exec(decodeURIComponent(source));
    return parts === null ? undefined : `${parts[1]}@${parts[2]}`;
  } catch {
    return undefined;
  }
}
