import { AssayError, type PackageName } from "@assay/core";
import { createByteCache } from "../platform/cache.ts";
import type { Workers } from "../platform/workers/workers.ts";
import type { Fetched, FetchLimits, Validators } from "./fetch.ts";
import { listSomewhere } from "./mirrored-listing.ts";
import type { Source, Sources } from "./sources.ts";
import type { Upstreams } from "./upstreams.ts";

interface MirrorListingDeps {
  readonly sources: Pick<Sources, "named">;
  readonly workers: Workers;
  readonly ask: (
    source: Source,
    name: PackageName,
    validators: Validators | undefined,
    limits: Omit<FetchLimits, "maxBytes">,
  ) => Promise<Fetched>;
}

/** Nobody waits for the answer. */
const limits = { tries: 1 } as const;
const retrySeconds = 60;

/** `Upstreams.mirrorListing`. What it asked with is remembered, so that a mirror that has not changed sends nothing. */
export function createMirrorListing(deps: MirrorListingDeps): Upstreams["mirrorListing"] {
  const asked = createByteCache<Validators>({ maxBytes: 1024 * 1024, sizeOf: () => 300 });
  return async (name, mirror) => {
    const key = `${mirror} ${name}`;
    const fetched = await deps.ask(deps.sources.named(mirror), name, asked.get(key), limits);
    switch (fetched.kind) {
      case "unchanged":
        return undefined;
      case "missing":
        throw new AssayError("NOT_FOUND", { what: `The package ${name} at ${mirror}` });
      case "failed":
        throw failure(mirror, fetched.fault, fetched.reason);
      case "document":
        try {
          const { etag, lastModified } = fetched;
          const listing = await listSomewhere(deps, { name, bytes: fetched.bytes });
          if (listing === undefined) throw failure(mirror, "refused", `its document of ${name} cannot be read`);
          const validators = { etag: etag ?? null, lastModified: lastModified ?? null };
          const settle = (): void => {
            if ((etag ?? lastModified) !== undefined) asked.set(key, validators);
          };
          return { ...listing, settle };
        } finally {
          fetched.release();
        }
    }
  };
}

function failure(source: string, fault: "unavailable" | "refused", reason: string): AssayError {
  return fault === "refused"
    ? new AssayError("UPSTREAM_BAD_ANSWER", { source, reason })
    : new AssayError("UPSTREAM_UNAVAILABLE", { source, reason, retryAfterSeconds: retrySeconds });
}
