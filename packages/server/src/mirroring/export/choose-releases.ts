import { integrityHex, type Integrity, type PackageName, type Version } from "@assay/core";
import type { BlobStore } from "../../platform/blobs/blobs.ts";
import { blobKey } from "../../platform/blobs/key.ts";
import type { BoundRelease, Releases } from "../../releases/releases.ts";
import type { Upstreams } from "../../upstreams/upstreams.ts";
import type { Missing, Plan } from "../selection.ts";
import { matchingVersions } from "../../closure/closure.ts";
import { chooseVersions, parseWant, type Want } from "../wants.ts";

/** The releases of one package that are exported. */
export interface ChosenPackage {
  readonly name: PackageName;
  readonly releases: readonly BoundRelease[];
}

export interface Choosing {
  /** In the byte order of their names. */
  readonly packages: readonly ChosenPackage[];
  readonly missing: readonly Missing[];
}

export interface ChooseDeps {
  readonly releases: Pick<Releases, "packageState">;
  readonly upstreams: Pick<Upstreams, "stored">;
  readonly blobs: Pick<BlobStore, "stat">;
}

/** Which bound releases answer a plan. Nothing is fetched: what is not here is named. */
export async function chooseReleases(deps: ChooseDeps, plan: Plan): Promise<Choosing> {
  const missing: Missing[] = [...plan.missing];
  const wanted = new Map<PackageName, { readonly want: Want; readonly integrity: string | undefined }[]>();
  for (const { name, want, integrity } of plan.items) {
    const parsed = parseWant(want);
    if (parsed.kind === "listing") continue;
    wanted.set(name, [...(wanted.get(name) ?? []), { want: parsed, integrity }]);
  }
  const packages: ChosenPackage[] = [];
  for (const name of [...wanted.keys()].sort()) {
    const chosen = new Map<Version, BoundRelease>();
    for (const { want, integrity } of wanted.get(name) ?? []) {
      for (const each of await answer(deps, name, want, integrity)) {
        if ("reason" in each) missing.push(each);
        else chosen.set(each.version, each);
      }
    }
    if (chosen.size > 0) packages.push({ name, releases: [...chosen.values()] });
  }
  return { packages, missing };
}

async function answer(
  { releases, upstreams, blobs }: ChooseDeps,
  name: PackageName,
  want: Want,
  pinned: string | undefined,
): Promise<readonly (BoundRelease | Missing)[]> {
  const state = await releases.packageState(name);
  const bound = [...state.binds.keys()].filter((version) => !state.refused.has(version));
  const tags = want.kind === "spec" ? ((await upstreams.stored(name))?.tags ?? {}) : {};
  const choice = { tags, versions: bound, bound };
  const versions = want.kind === "spec" ? matchingVersions(want.spec, choice) : chooseVersions(want, choice);
  const words = want.kind === "version" ? want.version : want.kind === "spec" ? want.spec : "its bound releases";
  const none = { name, want: words, reason: "nothing of it is bound here; assay mirror brings it" };
  if (versions.length === 0) return [none];
  const found: (BoundRelease | Missing)[] = [];
  for (const version of versions) {
    const release = state.binds.get(version);
    const refusal = state.refused.get(version);
    const reason =
      refusal !== undefined
        ? `refused by rule ${refusal.rule}: ${refusal.reason}`
        : release === undefined
          ? "it is not bound here; assay mirror brings it"
          : pinned !== undefined && pinned !== release.integrity
            ? `the lockfile pins ${pinned}, but bound is ${release.integrity}`
            : await missingBytes(blobs, release.integrity, release.sizeBytes);
    found.push(release === undefined || reason !== undefined ? { name, want: version, reason: reason ?? "" } : release);
  }
  return found;
}

async function missingBytes(
  blobs: Pick<BlobStore, "stat">,
  integrity: Integrity,
  sizeBytes: number,
): Promise<string | undefined> {
  const stored = await blobs.stat(blobKey("tarball", "sha512", integrityHex(integrity)));
  return stored?.sizeBytes === sizeBytes ? undefined : "its bytes are lost; assay mirror brings them back";
}
