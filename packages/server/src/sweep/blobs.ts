import type { Admission, Damage } from "../admission/admission.ts";
import type { BoundPlace, Checksums } from "../checksums/checksums.ts";
import { createPlaces } from "./places.ts";
import type { Budget } from "./budget.ts";
import type { Walk } from "./walk.ts";

export interface BlobWalkDeps {
  readonly checksums: Pick<Checksums, "boundAfter" | "countBound">;
  readonly admission: Pick<Admission, "examine">;
  /** Bytes. */
  readonly budget: Budget;
  readonly onDamage: (place: BoundPlace, damage: Damage) => Promise<void>;
}

/** Hashes tarball and manifest fragment of every bound release. */
export function createBlobWalk({ checksums, admission, budget, onDamage }: BlobWalkDeps): Walk<BoundPlace> {
  const places = createPlaces(checksums);
  return {
    name: "blobs",
    count: async () => (await checksums.countBound()).versions,
    next: places.next,
    async look(place, signal) {
      const pace = (bytes: number): Promise<void> => budget.spend(bytes, signal);
      for (const damage of await admission.examine(place.name, place.version, pace)) await onDamage(place, damage);
    },
  };
}
