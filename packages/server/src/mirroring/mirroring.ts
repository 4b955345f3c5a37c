import type { PackageName } from "@assay/core";
import type { Upstreams } from "../upstreams/upstreams.ts";
import type { Checksums } from "../checksums/checksums.ts";
import { mirror, type MirrorDeps, type MirrorOptions, type MirrorReport } from "./mirror.ts";
import { planSelection, type Selection } from "./selection.ts";

export { mirroringMigrations } from "./migrations.ts";
export type { MirrorProgress, MirrorReport } from "./mirror.ts";
export type { Missing, Selection } from "./selection.ts";
export { parseWanted } from "./wants.ts";

/** This Assay as a mirror of others: what it shall hold, whole and in advance. */
export interface Mirroring {
  /**
   * Fetches the listings and admits the releases of a selection, so that they are bound and served also when their
   * upstream is dead. May run beside a server on the same data folder, in any number of processes.
   *
   * A run that was cut off (by `signal`, by the death of the process) is taken up by the next one with the same
   * selection. What cannot be had is in the report; nothing is thrown for it.
   */
  mirror(selection: Selection, options: Omit<MirrorOptions, "dependencies">): Promise<MirrorReport>;
}

export interface MirroringDeps extends MirrorDeps {
  readonly upstreams: Pick<Upstreams, "packument" | "search">;
  readonly checksums: Pick<Checksums, "boundAfter">;
}

export function createMirroring(deps: MirroringDeps): Mirroring {
  return {
    async mirror(selection, options) {
      const known = selection.used ? await knownNames(deps) : [];
      const { dependencies } = selection;
      return await mirror(deps, planSelection(selection, known), { ...options, dependencies });
    },
  };
}

const pageSize = 1000;

/** Every package with a stored listing or a bind, each once. */
async function knownNames({ upstreams, checksums }: MirroringDeps): Promise<readonly PackageName[]> {
  const names = new Set<PackageName>();
  for (let from = 0; ; from += pageSize) {
    const page = await upstreams.search("", from, pageSize);
    for (const name of page.names) names.add(name);
    if (page.names.length < pageSize) break;
  }
  for (let after = 0; ;) {
    const page = await checksums.boundAfter(after, pageSize);
    for (const { name } of page) names.add(name);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.position;
  }
  return [...names].sort();
}
