import type { PackageName, Version } from "@assay/core";
import { bindKey, supersedeKey } from "./claim-keys.ts";
import { coveredPositions } from "./covered.ts";
import type { Covered, ReadDependencies } from "./covered.ts";

/** A release that somebody asks for. */
export interface Release {
  readonly name: PackageName;
  readonly version: Version;
}

/**
 * Where the bind of each release stands and, after it, everything that superseded it, in that order; the last one
 * says what the release is. Empty for a release that is not bound. Waits until all are under a published checkpoint,
 * as `coveredPositions`.
 */
export async function placesOf<Asked extends Release>(
  deps: ReadDependencies,
  log: string,
  releases: readonly Asked[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Asked, readonly Covered[]>> {
  const places = new Map<Asked, Covered[]>(releases.map((release) => [release, []]));
  let asked = releases;
  // A round for the binds, and one for each supersede that any of them has, and one more.
  for (let number = 0; asked.length > 0; number += 1) {
    const keyOf = ({ name, version }: Release): string =>
      number === 0 ? bindKey(name, version) : supersedeKey(name, version, number);
    const byKey = new Map(asked.map((release) => [keyOf(release), release]));
    const found = await coveredPositions(deps, log, [...byKey.keys()], signal);
    asked = found.flatMap((place) => {
      const release = byKey.get(place.key);
      if (release === undefined) return [];
      places.get(release)?.push(place);
      return [release];
    });
  }
  return places;
}
