import semver from "semver";
import type { ManifestNotes } from "./notes.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Compares the dependency lists: every dependency that the registry lists must stand in the archive, with
 * the same meaning. What the archive has and the registry lacks is a finding only: clients resolve from the
 * listing, so it adds nothing to an install.
 */
export function compareDependencies(
  archive: Fields,
  listed: Fields,
  hasFile: (path: string) => boolean,
  notes: ManifestNotes,
): void {
  const own = {
    dependencies: dependencyMap(archive["dependencies"]),
    optionalDependencies: dependencyMap(archive["optionalDependencies"]),
    peerDependencies: dependencyMap(archive["peerDependencies"]),
  };
  const bundled = bundledNames(archive, own.dependencies);
  for (const field of ["dependencies", "optionalDependencies", "peerDependencies"] as const) {
    for (const [name, spec] of dependencyMap(listed[field])) {
      // npm lists a bundled package that is no dependency as `*`.
      if (field === "dependencies" && spec === "*" && bundled.has(name)) continue;
      checkListed(field, name, spec, own, notes);
    }
  }
  noteMissing(own, listed, notes);
  compareBundles(bundled, bundledNames(listed, dependencyMap(listed["dependencies"])), hasFile, notes);
  compareOptionalPeers(archive, listed, notes);
}

type OwnField = "dependencies" | "optionalDependencies" | "peerDependencies";
type Own = Readonly<Record<OwnField, ReadonlyMap<string, string>>>;

/** Fields of package.json in which npm's publish looks for an entry of the listing's field. */
const homes: Readonly<Record<OwnField, readonly OwnField[]>> = {
  // npm copies optional dependencies into `dependencies`.
  dependencies: ["dependencies", "optionalDependencies"],
  optionalDependencies: ["optionalDependencies"],
  peerDependencies: ["peerDependencies"],
};

function checkListed(field: OwnField, name: string, spec: string, own: Own, notes: ManifestNotes): void {
  const has = (home: OwnField): boolean => {
    const ownSpec = own[home].get(name);
    return ownSpec !== undefined && sameSpec(ownSpec, spec);
  };
  if (homes[field].some(has)) return;
  const elsewhere = (["dependencies", "optionalDependencies", "peerDependencies"] as const).filter((home) =>
    own[home].has(name),
  );
  // The same package at the same range, required more weakly: nothing else is fetched.
  if (field !== "dependencies" && elsewhere.some(has)) {
    notes.find("manifest/dependency-moved", `${name} is listed under ${field}`);
    return;
  }
  const kind = elsewhere.some((home) => homes[field].includes(home)) ? "changed" : "added";
  notes.refuse(
    `manifest/dependency-${kind}`,
    kind === "added"
      ? `the registry lists ${name} ${spec} under ${field} but the archive does not`
      : `the registry lists ${name} as ${spec} but the archive says otherwise`,
  );
}

function noteMissing(own: Own, listed: Fields, notes: ManifestNotes): void {
  const names = new Set(
    ["dependencies", "optionalDependencies", "peerDependencies"].flatMap((field) => [
      ...dependencyMap(listed[field]).keys(),
    ]),
  );
  for (const field of ["dependencies", "optionalDependencies", "peerDependencies"] as const) {
    const missing = own[field].keys().find((name) => !names.has(name));
    if (missing !== undefined)
      notes.find("manifest/dependency-missing", `the registry does not list ${missing} of ${field}`);
  }
}

/**
 * A dependency field as npm reads it at publish: an object; or, in ancient packages, a string or an array of
 * `name`, `name@range`, `name >= range`. Values are trimmed; "" means `*`.
 */
export function dependencyMap(value: unknown): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  if (typeof value === "string" || Array.isArray(value)) {
    const items = typeof value === "string" ? value.trim().split(/[\s,]+/) : value;
    for (const item of items) {
      const match = typeof item === "string" ? /^\s*(@?[^@\s<>=~^]+)\s*@?\s*(.*)$/s.exec(item) : null;
      if (match?.[1] !== undefined) map.set(match[1], cleanSpec(match[2] ?? ""));
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [name, spec] of Object.entries(value)) {
      // npm drops what is no string; a listing that keeps it must find the same thing in the archive.
      map.set(name.trim(), typeof spec === "string" ? cleanSpec(spec) : `json:${JSON.stringify(spec)}`);
    }
  }
  return map;
}

function cleanSpec(spec: string): string {
  const trimmed = spec.trim();
  return trimmed === "" ? "*" : trimmed;
}

/** True when two specs fetch the same: equal, equal as ranges, the same hosted repository, or a workspace's own range. */
export function sameSpec(archive: string, listed: string): boolean {
  if (archive === listed) return true;
  const listedRange = semver.validRange(listed, { loose: true });
  if (listedRange !== null) {
    if (semver.validRange(archive, { loose: true }) === listedRange) return true;
    // Tools that publish from a workspace put the range in the listing alone. A range of the same name is all
    // that may take the place: never a URL, a repository or an alias.
    if (/^(workspace|catalog|file|link|portal):/.test(archive)) return true;
  }
  const repository = hostedRepository(archive);
  return repository !== undefined && repository === hostedRepository(listed);
}

/**
 * `host:owner/repository#committish` of the spellings that npm turns into each other at publish; undefined
 * for other specs and for transports that are not authenticated.
 */
function hostedRepository(spec: string): string | undefined {
  const short = /^(?:(github|gitlab|bitbucket):)?([\w-][\w.-]*)\/([\w.-]+?)(?:\.git)?(#.*)?$/.exec(spec);
  if (short !== null) return `${short[1] ?? "github"}:${short[2]}/${short[3]}${short[4] ?? ""}`;
  const url =
    /^(?:git\+(?:https|ssh):\/\/|https:\/\/|ssh:\/\/)?(?:git@)?(github\.com|gitlab\.com|bitbucket\.org)[/:]([\w-][\w.-]*)\/([\w.-]+?)(?:\.git)?(#.*)?$/.exec(
      spec,
    );
  if (url === null) return undefined;
  return `${url[1]?.split(".")[0]}:${url[2]}/${url[3]}${url[4] ?? ""}`;
}

/** Names of bundled packages in either spelling; `true` means every dependency. */
function bundledNames(manifest: Fields, dependencies: ReadonlyMap<string, string>): ReadonlySet<string> {
  const value = manifest["bundleDependencies"] ?? manifest["bundledDependencies"];
  if (value === true) return new Set(dependencies.keys());
  if (typeof value === "string") return new Set([value]);
  if (Array.isArray(value)) return new Set(value.filter((name) => typeof name === "string"));
  return new Set(typeof value === "object" && value !== null ? Object.keys(value) : []);
}

function compareBundles(
  own: ReadonlySet<string>,
  listed: ReadonlySet<string>,
  hasFile: (path: string) => boolean,
  notes: ManifestNotes,
): void {
  for (const name of listed) {
    // A package that really lies in the archive is bundled, whatever package.json says.
    if (own.has(name) || hasFile(`node_modules/${name}/package.json`)) continue;
    notes.refuse("manifest/bundle-added", `the registry lists ${name} as bundled but it is not in the archive`);
  }
  const missing = own.keys().find((name) => !listed.has(name));
  if (missing !== undefined) notes.find("manifest/bundle-missing", `the registry does not list ${missing} as bundled`);
}

function compareOptionalPeers(archive: Fields, listed: Fields, notes: ManifestNotes): void {
  const own = optionalPeers(archive["peerDependenciesMeta"]);
  const theirs = optionalPeers(listed["peerDependenciesMeta"]);
  const different = own.symmetricDifference(theirs).values().next().value;
  // Optional or not, the peer itself stands in the archive: that was checked above.
  if (different !== undefined)
    notes.find("manifest/optional-peer", `whether the peer ${different} is optional differs`);
}

function optionalPeers(value: unknown): Set<string> {
  if (typeof value !== "object" || value === null) return new Set();
  return new Set(
    Object.entries(value)
      .filter(([, meta]) => typeof meta === "object" && meta !== null && (meta as Fields)["optional"] === true)
      .map(([name]) => name),
  );
}
