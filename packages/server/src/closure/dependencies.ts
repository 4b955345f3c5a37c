import semver from "semver";
import { parsePackageName, type PackageName, type Version } from "@assay/core";

/** Longest range or tag that is read, characters. */
const longestSpec = 256;

/** What of a packument a spec is answered from. */
interface Listing {
  readonly tags: Readonly<Record<string, Version>>;
  readonly versions: readonly Version[];
}

/** Every version that a spec fits: the one that it names, or its tag, or all within its range. Pure. */
export function matchingVersions(spec: string, { tags, versions }: Listing): readonly Version[] {
  const exact = versions.find((version) => version === spec);
  if (exact !== undefined) return [exact];
  if (semver.validRange(spec, { loose: true }) === null) return Object.hasOwn(tags, spec) ? present(tags[spec]) : [];
  return versions.filter(
    (version) => semver.valid(version, { loose: true }) !== null && semver.satisfies(version, spec, { loose: true }),
  );
}

function present(version: Version | undefined): readonly Version[] {
  return version === undefined ? [] : [version];
}

/** One entry of a manifest's dependencies. */
export type Dependency =
  | { readonly kind: "registry"; readonly name: PackageName; readonly spec: string; readonly isOptional: boolean }
  /** Git, URL, file and what nobody can read: no registry has it. */
  | { readonly kind: "elsewhere"; readonly name: string; readonly spec: string; readonly isOptional: boolean };

/**
 * What a client installs beside a release, from its manifest fragment: dependencies, optional ones, and peers that are
 * not optional. Bundled ones are in its tarball. Pure; members of a wrong type are passed over.
 */
export function dependenciesOf(fragment: Readonly<Record<string, unknown>>): readonly Dependency[] {
  const bundled = fragment["bundleDependencies"];
  const inside = new Set(Array.isArray(bundled) ? bundled : []);
  const peersMeta = entriesOf(fragment["peerDependenciesMeta"]);
  const optionalPeers = new Set(
    peersMeta.filter(([, meta]) => Object(meta)["optional"] === true).map(([name]) => name),
  );
  const optional = entriesOf(fragment["optionalDependencies"]);
  const needed = [
    ...entriesOf(fragment["dependencies"]).filter(([name]) => !inside.has(name)),
    ...entriesOf(fragment["peerDependencies"]).filter(([name]) => !optionalPeers.has(name)),
  ];
  return [
    ...needed.map(([name, spec]) => readDependency(name, spec, false)),
    ...optional.map(([name, spec]) => readDependency(name, spec, true)),
  ];
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

function readDependency(name: string, spec: unknown, isOptional: boolean): Dependency {
  const elsewhere = { kind: "elsewhere", name, spec: String(spec), isOptional } as const;
  if (typeof spec !== "string") return elsewhere;
  try {
    const alias = /^npm:((?:@[^@/]+\/)?[^@/]+)(?:@(.*))?$/s.exec(spec);
    const [target, range] = alias === null ? [name, spec] : [alias[1] ?? "", alias[2] ?? "*"];
    if (!isRegistrySpec(range)) return elsewhere;
    return { kind: "registry", name: parsePackageName(target), spec: range, isOptional };
  } catch {
    return elsewhere;
  }
}

/** A range or a tag: nothing with a protocol, a path or a host. */
export function isRegistrySpec(spec: string): boolean {
  if (spec.length > longestSpec) return false;
  return semver.validRange(spec, { loose: true }) !== null || /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(spec);
}
