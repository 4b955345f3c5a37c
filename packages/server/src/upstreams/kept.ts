import type { EpochMs, PackageName } from "@assay/core";
import { createByteCache } from "../platform/cache.ts";
import type { Random } from "../platform/random.ts";
import { createSingleFlight } from "../platform/single-flight.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Workers } from "../platform/workers/workers.ts";
import { deriveSomewhere, type DeriveInput } from "./derive.ts";
import { DamagedParts, loadIndex, parseIndex, toPackument, type PartsIndex } from "./parts.ts";
import { partsPathOf, prune } from "./parts-cache.ts";
import type { RawDocuments } from "./raw.ts";
import type { Source, Sources } from "./sources.ts";
import type { StoredPackument } from "./store.ts";
import type { Packument } from "./upstreams.ts";

/** A listing with what to revalidate it by. */
export interface Kept {
  readonly packument: Packument;
  readonly etag: string | null;
  readonly lastModified: string | null;
}

type Validators = Pick<Kept, "etag" | "lastModified">;

type DerivedIndex =
  | { readonly kind: "derived"; readonly index: PartsIndex; readonly compressed: Uint8Array }
  | { readonly kind: "refused"; readonly reason: string };

/** The stored documents of this node: listings in memory, parts files on disk, both rebuilt when they are lost. */
export interface KeptDocuments {
  /** From memory only. */
  get(name: PackageName): Kept | undefined;
  /** The listing of a row: from memory, its parts file, or its raw document; undefined when none can be had. */
  load(row: StoredPackument): Promise<Kept | undefined>;
  /** Takes a raw document of the source apart and writes its parts file. The bytes are used up. */
  derive(
    source: Source,
    name: PackageName,
    document: { readonly bytes: Uint8Array<ArrayBuffer>; readonly digest: string },
    fallbackModifiedMs: number,
  ): Promise<DerivedIndex>;
  /** What `keep` will hold. */
  listing(row: StoredPackument, index: PartsIndex): Packument;
  keep(row: StoredPackument, index: PartsIndex): Kept;
  /** Notes that the document was found unchanged. In memory: a revalidation writes no row. */
  touch(kept: Kept, checkedAtMs: EpochMs, validators: Validators): Kept;
  forget(name: PackageName): void;
  /** Forgets the listing, but not when it was checked: `load` looks at the files again. */
  drop(name: PackageName): void;
  /** Removes the files of documents before the last one. */
  prune(packument: Packument, before: string | undefined): Promise<void>;
}

interface KeptDeps {
  readonly raws: RawDocuments;
  readonly workers: Workers;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

interface KeptOptions {
  readonly sources: Pick<Sources, "ownerOf">;
  readonly folder: string;
  readonly listingBytes: number;
}

export function createKept(deps: KeptDeps, { sources, folder, listingBytes }: KeptOptions): KeptDocuments {
  const listings = createByteCache<Kept>({
    maxBytes: listingBytes,
    sizeOf: ({ packument }) => 1000 + 600 * packument.versions.size,
  });
  /** Outlives the listings, so that a package whose listing was dropped is not asked for again before its time. */
  const checks = createByteCache<Validators & { readonly digest: string; readonly checkedAtMs: EpochMs }>({
    maxBytes: 4 * 1024 * 1024,
    sizeOf: () => 300,
  });
  const loads = createSingleFlight<PartsIndex | undefined>();
  const log = deps.telemetry.log;

  function store(name: PackageName, kept: Kept): Kept {
    const { digest, checkedAtMs } = kept.packument;
    listings.set(name, kept);
    checks.set(name, { digest, checkedAtMs, etag: kept.etag, lastModified: kept.lastModified });
    return kept;
  }

  async function readIndex(owner: Source, row: StoredPackument): Promise<PartsIndex | undefined> {
    try {
      return await loadIndex(partsPathOf(folder, row.name, row.digest));
    } catch (error) {
      if (!(error instanceof DamagedParts) && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    const bytes = await deps.raws.read(row.digest);
    if (bytes === undefined) return undefined;
    log.info(`rebuilding the parts file of ${row.name}`, { "package.name": row.name });
    const derived = await derive(owner, row.name, { bytes, digest: row.digest }, row.modified_at_ms);
    return derived.kind === "derived" ? derived.index : undefined;
  }

  async function derive(
    { config }: Source,
    name: PackageName,
    document: { readonly bytes: Uint8Array<ArrayBuffer>; readonly digest: string },
    fallbackModifiedMs: number,
  ): Promise<DerivedIndex> {
    const partsPath = partsPathOf(folder, name, document.digest);
    const input: DeriveInput = {
      name,
      source: config.name,
      upstreamUrl: config.url,
      fallbackModifiedMs,
      bytes: document.bytes,
      digest: document.digest,
      partsPath,
      temporaryPath: `${partsPath}.${Buffer.from(deps.random.bytes(8)).toString("hex")}.tmp`,
    };
    const derived = await deriveSomewhere(deps, input);
    if (derived.kind === "refused") return derived;
    if (derived.skippedCount > 0) {
      log.info(`${derived.skippedCount} versions of ${name} cannot be listed`, {
        "package.name": name,
        "versions.skipped": derived.skipped,
      });
    }
    return { kind: "derived", index: parseIndex(derived.index), compressed: derived.compressed };
  }

  function listing(
    { name, digest, checked_at_ms }: StoredPackument,
    index: PartsIndex,
    checkedAtMs: EpochMs = checked_at_ms as EpochMs,
  ): Packument {
    return toPackument(index, { checkedAtMs, stale: undefined, partsPath: partsPathOf(folder, name, digest) });
  }

  function keep(
    row: StoredPackument,
    index: PartsIndex,
    checkedAtMs?: EpochMs,
    validators: Validators = { etag: row.etag, lastModified: row.last_modified },
  ): Kept {
    return store(row.name, { packument: listing(row, index, checkedAtMs), ...validators });
  }

  return {
    get: (name) => listings.get(name),
    async load(row) {
      const owner = sources.ownerOf(row.name);
      // What another registry once said about a name that is not its own any more decides nothing.
      if (owner === undefined || row.status !== "listed" || row.source !== owner.config.name) return undefined;
      const hit = listings.get(row.name);
      if (hit?.packument.digest === row.digest) return hit;
      const index = await loads.run(`${row.name}@${row.digest}`, () => readIndex(owner, row));
      if (index === undefined) return undefined;
      const check = checks.get(row.name);
      return check?.digest === row.digest ? keep(row, index, check.checkedAtMs, check) : keep(row, index);
    },
    derive,
    listing: (row, index) => listing(row, index),
    keep: (row, index) => keep(row, index),
    touch: (kept, checkedAtMs, { etag, lastModified }) =>
      store(kept.packument.name, {
        packument: { ...kept.packument, checkedAtMs, stale: undefined },
        etag,
        lastModified,
      }),
    drop: (name) => listings.delete(name),
    forget(name) {
      listings.delete(name);
      checks.delete(name);
    },
    prune: (packument, before) =>
      prune(packument.partsPath, before === undefined ? [packument.digest] : [packument.digest, before]),
  };
}
