import type { PackageName } from "@assay/core";
import type { Database } from "../../platform/database/database.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { SearchEntry, SearchIndex } from "./search-index.ts";
import { readState, writeState } from "./store.ts";

/** Raised when the same listing would be found by other terms, or shown otherwise. */
export const searchVersion = 2;

/** What is known here, and how search shows it. */
export interface SearchSource {
  /** Known names after this one, in byte order, `size` at most. */
  names(after: string, size: number): Promise<readonly PackageName[]>;
  /** Undefined when it is known no more. */
  entry(name: PackageName): Promise<SearchEntry | undefined>;
}

interface RebuildDeps {
  readonly database: Database;
  readonly index: SearchIndex;
  readonly telemetry: Telemetry;
}

const batchSize = 200;

/**
 * Fills the index when it was made by other rules, or never: after an update. What is listed meanwhile is put in by
 * those who list it, and is not touched. A crash, or another process that does the same, costs nothing but time: the
 * next start goes on with what is missing.
 */
export async function rebuildSearch(
  { database, index, telemetry }: RebuildDeps,
  source: SearchSource,
  signal: AbortSignal,
): Promise<void> {
  const state = await readState(database.read);
  if (state === searchVersion) return;
  if (state !== -searchVersion) {
    await database.write(async (transaction) => {
      await index.clear(transaction);
      await writeState(transaction, -searchVersion);
    });
  }
  let count = 0;
  for (let after = ""; !signal.aborted;) {
    const names = await source.names(after, batchSize);
    const entries: SearchEntry[] = [];
    for (const name of names) {
      if (await index.has(database.read, name)) continue;
      const entry = await source.entry(name);
      if (entry !== undefined) entries.push(entry);
    }
    await database.write(async (transaction) => {
      for (const entry of entries) {
        if (!(await index.has(transaction, entry.name))) await index.put(transaction, entry);
      }
    });
    count += entries.length;
    const last = names.at(-1);
    if (last === undefined) break;
    after = last;
  }
  if (signal.aborted) return;
  await database.write((transaction) => writeState(transaction, searchVersion));
  if (count > 0) telemetry.log.info(`the search index was made anew: ${count} packages`, { "search.packages": count });
}
