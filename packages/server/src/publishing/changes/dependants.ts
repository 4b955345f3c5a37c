import semver from "semver";
import type { PackageName } from "@assay/core";
import type { HostedNames } from "../../identity/identity.ts";
import { isJsonObject, type JsonObject } from "../publish/json.ts";
import type { HostedVersion } from "../store.ts";

export type Listed = Omit<HostedVersion, "readme">;

/** Which of these versions needs that one, with a range that it satisfies; undefined: none. Pure. */
export function dependantOf(
  { name, version }: Pick<Listed, "name" | "version">,
  others: readonly Listed[],
): Listed | undefined {
  return others.find((other) => {
    if (other.name === name) return false;
    const manifest = JSON.parse(other.manifest) as JsonObject;
    return ["dependencies", "optionalDependencies", "peerDependencies"].some((field) => {
      const wanted = isJsonObject(manifest[field]) ? manifest[field] : {};
      const range = Object.hasOwn(wanted, name) ? wanted[name] : undefined;
      // A tag, or a range that cannot be read, may mean this version.
      return typeof range === "string" && (semver.validRange(range) === null || semver.satisfies(version, range));
    });
  });
}

/** What a dependant may be called to who unpublishes: by its name only where that is no secret of another organisation. */
export function dependantInWords(
  names: Pick<HostedNames, "find" | "organisationOf">,
  name: PackageName,
  dependant: Pick<Listed, "name" | "version">,
): string {
  const other = dependant.name as PackageName;
  const isTold =
    names.organisationOf(other) === names.organisationOf(name) || names.find(other)?.visibility === "public";
  return isTold ? `${other}@${dependant.version}, which lives here too` : "another package that lives here";
}
