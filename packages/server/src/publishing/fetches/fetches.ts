import { createByteCache } from "../../platform/cache.ts";
import type { PackageName, Version } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { HostedNames, Principal } from "../../identity/identity.ts";
import { addFetch, readVersion } from "../store.ts";

/** Whether anybody but its publisher ever got a version that lives here: such a one is not unpublished. */
export interface Fetches {
  /** Whether a fetch of it need not be noted: it is no version of ours, or noted by this process. From memory. */
  isNoted(name: PackageName, version: Version): boolean;
  /**
   * Notes, durably, that a version is about to be sent. `who` is asked only where that matters; what its own publisher
   * fetches is not noted. One write a version and process.
   */
  note(name: PackageName, version: Version, who: () => Promise<Pick<Principal, "id">>): Promise<void>;
}

const memoryBytes = 4 * 1024 * 1024;

export function createFetches({
  database,
  clock,
  names,
}: {
  readonly database: Database;
  readonly clock: Clock;
  readonly names: Pick<HostedNames, "find">;
}): Fetches {
  const noted = createByteCache<object>({ maxBytes: memoryBytes, sizeOf: () => 300 });
  const isNoted: Fetches["isNoted"] = (name, version) =>
    names.find(name) === undefined || noted.get(`${name}@${version}`) !== undefined;

  return {
    isNoted,
    async note(name, version, who) {
      if (isNoted(name, version)) return;
      const row = await readVersion(database.read, name, version);
      if (row === undefined || row.published_by === (await who()).id) return;
      await database.write((transaction) => addFetch(transaction, { name, version, first_fetched_at_ms: clock.now() }));
      noted.set(`${name}@${version}`, {});
    },
  };
}
