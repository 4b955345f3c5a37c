import type { PackageName } from "@assay/core";
import type { HostedNames } from "../../identity/identity.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { Releases } from "../../releases/releases.ts";
import { withParts, type Packument, type Upstreams } from "../../upstreams/upstreams.ts";
import type { View } from "../view.ts";
import { readEntry } from "./entry.ts";
import { rebuildSearch } from "./rebuild.ts";
import type { SearchEntry, SearchIndex } from "./search-index.ts";
import { parseQuestion } from "./terms.ts";

export interface SearchQuery {
  readonly text: string;
  /** 0 to 10,000. */
  readonly from: number;
  /** 1 to 250. */
  readonly size: number;
  /** Which of some hosted packages the caller may read. */
  readonly readable: (names: readonly PackageName[]) => Promise<readonly PackageName[]>;
}

export interface SearchFound {
  /** How many packages match of which the caller may know. */
  readonly total: number;
  readonly entries: readonly SearchEntry[];
}

export interface Search {
  find(query: SearchQuery): Promise<SearchFound>;
  /** Fills the index when it has to be made anew (rebuild.ts). */
  rebuild(signal: AbortSignal): Promise<void>;
}

interface SearchDeps {
  readonly index: SearchIndex;
  readonly database: Database;
  readonly telemetry: Telemetry;
  readonly upstreams: Pick<Upstreams, "stored" | "reload" | "known" | "isOwn">;
  readonly names: Pick<HostedNames, "packages">;
  readonly releases: Pick<Releases, "packageState">;
  view(packument: Packument): Promise<View>;
}

/** Packages known here. Hosted ones are found, and counted, only by who may read them. */
export function createSearch(deps: SearchDeps): Search {
  const { index, upstreams, names, releases, view } = deps;
  /** The entry as it may be shown now: a version that was refused since it was listed is not. */
  async function shown(entry: SearchEntry): Promise<SearchEntry | undefined> {
    const { refused } = await releases.packageState(entry.name);
    if (!refused.has(entry.version)) return entry;
    const packument = await upstreams.stored(entry.name);
    if (packument === undefined) return undefined;
    const { tags, versions } = await view(packument);
    if (versions.length === 0) return undefined;
    const visible = new Map(versions.map((listed) => [listed.version, listed]));
    return await withParts(upstreams, packument, (held) =>
      readEntry({ ...held, tags, versions: visible }, upstreams.isOwn(held.name)),
    );
  }

  return {
    async find({ text, from, size, readable }) {
      const match = parseQuestion(text);
      const hosted = await index.hosted(match);
      const shownHosted = new Set(await readable(hosted));
      const hidden = hosted.filter((name) => !shownHosted.has(name));
      const { total, entries } = await index.page(match, { hidden, from, size });
      // Again: one may have become hosted, or hidden, between the two reads.
      const still = new Set(await readable(entries.flatMap(({ name, isHosted }) => (isHosted ? [name] : []))));
      const allowed = entries.filter(({ name, isHosted }) =>
        // The second is what an upstream listed before the name was hosted here.
        isHosted ? still.has(name) : !upstreams.isOwn(name),
      );
      const now = await Promise.all(allowed.map(shown));
      return { total, entries: now.filter((entry) => entry !== undefined) };
    },
    rebuild: (signal) =>
      rebuildSearch(
        deps,
        {
          async names(after, size) {
            const hosted = names.packages().map(({ name }) => name);
            const later = hosted.filter((name) => name > after).slice(0, size);
            const all = new Set([...(await upstreams.known(after, size)), ...later]);
            return [...all].sort().slice(0, size);
          },
          async entry(name) {
            const packument = await upstreams.stored(name);
            const isOwn = upstreams.isOwn(name);
            // All that was published here of it was taken back.
            if (packument === undefined || (isOwn && packument.versions.size === 0)) return undefined;
            return await withParts(upstreams, packument, (held) => readEntry(held, isOwn));
          },
        },
        signal,
      ),
  };
}
