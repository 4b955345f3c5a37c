import semver from "semver";
import type { PackageName, Version } from "@assay/core";
import type { BoundRelease } from "../../releases/releases.ts";
import {
  assembleDocument,
  withParts,
  type ListedVersion,
  type Overlay,
  type Packument,
  type Upstreams,
} from "../../upstreams/upstreams.ts";

/** What clients are shown of a package. */
export interface Shown {
  readonly versions: readonly Pick<ListedVersion, "version">[];
  readonly tags: Readonly<Record<string, Version>>;
  /** Shown versions whose listing is not what was bound. */
  readonly rebound: readonly BoundRelease[];
  /** keyids of listed signatures that are not handed on. */
  readonly withheld: ReadonlyMap<Version, readonly string[]>;
  readonly times: Readonly<Record<string, string>>;
}

/** Decided by a room above this one. */
export interface ShownPackages {
  view(packument: Packument): Promise<Shown>;
  /** Texts of versions whose listing is not what was bound. */
  overlays(packument: Packument, view: Pick<Shown, "rebound" | "withheld">): Promise<ReadonlyMap<Version, Overlay>>;
}

export interface ListingDeps {
  readonly upstreams: Pick<Upstreams, "stored" | "reload">;
  readonly shown: ShownPackages;
}

/** The packument of an export: what clients are shown, of these releases only. */
export interface ExportedListing {
  readonly text: Uint8Array;
  readonly listed: ReadonlySet<Version>;
}

/** Reads what is stored; nobody is asked. A package without a stored listing lists nothing. */
export async function exportListing(
  { upstreams, shown }: ListingDeps,
  name: PackageName,
  releases: readonly BoundRelease[],
): Promise<ExportedListing> {
  const stored = await upstreams.stored(name);
  if (stored === undefined) {
    const text = Buffer.from(JSON.stringify({ _id: name, name, "dist-tags": {}, time: {}, versions: {} }));
    return { text, listed: new Set() };
  }
  const wanted = new Set(releases.map(({ version }) => version));
  return await withParts(upstreams, stored, async (packument) => {
    const view = await shown.view(packument);
    const versions = view.versions.map(({ version }) => version).filter((version) => wanted.has(version));
    const listed = new Set(versions);
    const rebound = view.rebound.filter(({ version }) => listed.has(version));
    const text = assembleDocument({
      partsPath: packument.partsPath,
      form: "full",
      base: "",
      versions,
      tags: tagsWithin(view.tags, listed),
      overlays: Object.fromEntries(await shown.overlays(packument, { ...view, rebound })),
      times: view.times,
    });
    return { text, listed };
  });
}

/** Tags of listed versions; `latest` goes to the highest release where its own is not among them. Pure. */
export function tagsWithin(
  tags: Readonly<Record<string, Version>>,
  listed: ReadonlySet<Version>,
): Readonly<Record<string, Version>> {
  const within = Object.entries(tags).filter(([, version]) => listed.has(version));
  const readable = [...listed].filter((version) => semver.valid(version) !== null).sort(semver.rcompare);
  const highest = readable.find((version) => semver.prerelease(version) === null) ?? readable[0] ?? [...listed].at(-1);
  const latest = Object.hasOwn(tags, "latest") && listed.has(tags["latest"] as Version) ? undefined : highest;
  return Object.fromEntries(latest === undefined ? within : [...within, ["latest", latest]]);
}
