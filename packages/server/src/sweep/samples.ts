import { isAssayError, type PackageName, type Version } from "@assay/core";
import type { Admission } from "../admission/admission.ts";
import type { BoundPlace, Checksums } from "../checksums/checksums.ts";
import type { Releases } from "../releases/releases.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { Budget } from "./budget.ts";
import { createPlaces } from "./places.ts";
import type { Walk } from "./walk.ts";

export interface SampleWalkDeps {
  readonly checksums: Pick<Checksums, "boundAfter" | "countBound">;
  readonly admission: Pick<Admission, "compareSource">;
  readonly releases: Pick<Releases, "packageState">;
  readonly upstreams: Pick<Upstreams, "sourcesOf">;
  /** Bytes. */
  readonly budget: Budget;
  readonly onDifference: (source: string, name: PackageName, version: Version) => void;
  readonly onFailure: (source: string, name: PackageName, reason: string) => void;
}

/**
 * Downloads bound releases from each source and compares them with what is bound. The budget is small, so that of a
 * large store it is a sample: a pass over all of it takes days.
 */
export function createSampleWalk(deps: SampleWalkDeps): Walk<BoundPlace> {
  const { checksums, admission, releases, upstreams, budget } = deps;
  return {
    name: "samples",
    count: async () => (await checksums.countBound()).versions,
    next: createPlaces(checksums).next,
    async look({ name, version }, signal) {
      const state = await releases.packageState(name);
      const bound = state.binds.get(version);
      if (bound === undefined) return;
      for (const source of upstreams.sourcesOf(name)) {
        await budget.spend(bound.sizeBytes, signal);
        if (signal.aborted) return;
        try {
          if ((await admission.compareSource(name, version, source)) === "different")
            deps.onDifference(source, name, version);
        } catch (error) {
          if (!isAssayError(error)) throw error;
          deps.onFailure(source, name, error.message);
        }
      }
    },
  };
}
