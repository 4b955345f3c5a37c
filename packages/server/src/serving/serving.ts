import type { PackageName } from "@assay/core";
import type { Admission } from "../admission/admission.ts";
import type { ReleaseHold } from "../checksums/checksums.ts";
import type { Config } from "../config/config.ts";
import type { HostedNames } from "../identity/identity.ts";
import type { Database } from "../platform/database/database.ts";
import type { BlobStore } from "../platform/blobs/blobs.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { PackageState, Releases } from "../releases/releases.ts";
import type { Packument, Upstreams } from "../upstreams/upstreams.ts";
import { createDocumentCache } from "./document-cache.ts";
import { createDocuments, type Documents } from "./documents.ts";
import { createRender } from "./render.ts";
import { createTarballs, type Tarballs } from "./tarballs.ts";
import { createSearch, type Search } from "./search/search.ts";
import type { SearchIndex } from "./search/search-index.ts";
import type { View } from "./view.ts";

export { createAnswers } from "./answers.ts";
export { createReadyAnswers } from "./ready.ts";
export { pageAssets } from "./routes-pages.ts";
export { servingRoutes } from "./routes.ts";
export { hostedListings, indexListings, type HostedListings } from "./search/listings.ts";
export { openSearchIndex } from "./search/open-search-index.ts";
export { searchMigrations } from "./search/migrations.ts";
export type { SearchIndex } from "./search/search-index.ts";

/** The read side: packuments, tarballs, dist-tags, search, pages. */
export interface Serving {
  readonly documents: Documents;
  readonly tarballs: Tarballs;
  readonly search: Search;
  /**
   * What a package shows now, with the packument it was decided from, and every version that is refused here, listed
   * or not. Throws what `Upstreams.packument` throws.
   */
  packageView(name: PackageName): Promise<{
    readonly packument: Packument;
    readonly view: View;
    readonly refused: PackageState["refused"];
  }>;
}

export interface ServingDeps {
  readonly upstreams: Upstreams;
  readonly releases: Releases;
  readonly admission: Admission;
  readonly names: Pick<HostedNames, "packages">;
  readonly searchIndex: SearchIndex;
  readonly database: Database;
  readonly blobs: BlobStore;
  /** Which versions wait for a checkpoint, by `log.release`. */
  readonly hold: ReleaseHold;
  readonly workers: Workers;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

/** `memoryBytes` is shared by finished documents (three quarters) and small tarballs. */
export function createServing(
  deps: ServingDeps,
  options: {
    readonly cacheFolder: string;
    readonly memoryBytes: number;
    readonly lockfileUrls: Config["lockfileUrls"];
  },
): Serving {
  const documents = createDocuments(
    { ...deps, cache: createDocumentCache(deps, options.cacheFolder), render: createRender(deps) },
    { memoryBytes: Math.floor(options.memoryBytes * 0.75), lockfileUrls: options.lockfileUrls },
  );
  return {
    documents,
    search: createSearch({ ...deps, index: deps.searchIndex, view: documents.view }),
    tarballs: createTarballs(deps, Math.floor(options.memoryBytes * 0.25)),
    async packageView(name) {
      const packument = await deps.upstreams.packument(name);
      const view = await documents.view(packument);
      const { refused } = await deps.releases.packageState(name);
      return { packument, view, refused };
    },
  };
}
