import semver from "semver";
import { AssayError, parsePackageName, parseVersion, type PackageName, type Version } from "@assay/core";
import { isRegistrySpec, matchingVersions } from "../closure/closure.ts";

/**
 * What is wanted of one package.
 *
 * `listing`: its packument. `latest`: the release that the tag `latest` names. `all`: every listed release. `bound`:
 * every release that is bound here. `version`: this one. `spec`: what a client would take for a range or a tag.
 * `elsewhere`: a dependency that no registry has; it is only there to be named as missing.
 */
export type Want =
  | { readonly kind: "listing" | "latest" | "all" | "bound" }
  | { readonly kind: "version"; readonly version: Version }
  | { readonly kind: "spec" | "elsewhere"; readonly spec: string };

/** A want as one word of a row: `latest`, `version 1.2.3`, `spec ^1.0.0`. Inverse of `parseWant`. */
export function formatWant(want: Want): string {
  switch (want.kind) {
    case "version":
      return `version ${want.version}`;
    case "spec":
    case "elsewhere":
      return `${want.kind} ${want.spec}`;
    default:
      return want.kind;
  }
}

/** Reads what `formatWant` wrote. Throws DATABASE. */
export function parseWant(text: string): Want {
  if (text === "listing" || text === "latest" || text === "all" || text === "bound") return { kind: text };
  if (text.startsWith("version ")) return { kind: "version", version: parseVersion(text.slice("version ".length)) };
  for (const kind of ["spec", "elsewhere"] as const) {
    if (text.startsWith(`${kind} `)) return { kind, spec: text.slice(kind.length + 1) };
  }
  throw new AssayError("DATABASE", { reason: `a stored want reads ${JSON.stringify(text)}` });
}

/**
 * Reads `name` or `name@spec` as people write it; the spec is a version, a range or a tag. Throws USAGE, BAD_NAME.
 */
export function parseWanted(text: string): { readonly name: PackageName; readonly spec: string | undefined } {
  const at = text.lastIndexOf("@");
  if (at <= 0) return { name: parsePackageName(text), spec: undefined };
  const name = parsePackageName(text.slice(0, at));
  const spec = text.slice(at + 1);
  if (!isRegistrySpec(spec))
    throw new AssayError("USAGE", { reason: `${JSON.stringify(text)} asks for no version, range or tag of ${name}.` });
  return { name, spec };
}

/** What of a packument a want is answered from. */
export interface Choice {
  readonly tags: Readonly<Record<string, Version>>;
  /** Listed and not refused. */
  readonly versions: readonly Version[];
  readonly bound: readonly Version[];
}

/**
 * The releases that answer a want; none when nothing does. Pure.
 *
 * Clients disagree about ranges: npm takes `latest` when it is within the range, others the highest. Both are chosen.
 */
export function chooseVersions(want: Want, { tags, versions, bound }: Choice): readonly Version[] {
  switch (want.kind) {
    case "listing":
    case "elsewhere":
      return [];
    case "all":
      return versions;
    case "bound":
      return bound;
    case "version":
      return [want.version];
    case "latest":
      return present([tags["latest"]]);
    case "spec":
      return chooseBySpec(want.spec, { tags, versions });
  }
}

function chooseBySpec(spec: string, choice: Pick<Choice, "tags" | "versions">): readonly Version[] {
  const matching = matchingVersions(spec, choice);
  const latest = matching.find((version) => version === choice.tags["latest"]);
  const highest = matching.toSorted((a, b) => semver.compareLoose(b, a))[0];
  return matching.length <= 1 ? matching : present([latest, highest]);
}

function present(versions: readonly (Version | null | undefined)[]): readonly Version[] {
  return [...new Set(versions.filter((version) => version !== undefined && version !== null))];
}
