import { AssayError, fragmentFields, installScripts, type Version } from "@assay/core";
import type { BoundRelease } from "../releases/releases.ts";
import type { View } from "./view.ts";
import { cutTarball, readListed, type Overlay, type Packument } from "../upstreams/upstreams.ts";

type Manifest = Record<string, unknown>;

/**
 * The texts of versions whose listing is not what was bound: the listed manifest with the bound integrity and,
 * where it differs, the bound fragment. `readFragment` answers the fragment text of a manifest digest
 * (lower-case hex). Throws BLOB_CORRUPT when a fragment is lost: the version then cannot be shown truthfully.
 */
export async function rebindVersions(
  packument: Packument,
  { rebound, withheld }: Pick<View, "rebound" | "withheld">,
  readFragment: (manifestHex: string) => Promise<string | undefined>,
): Promise<ReadonlyMap<Version, Overlay>> {
  const overlays = new Map<Version, Overlay>();
  for (const release of rebound) {
    const listed = packument.versions.get(release.version);
    if (listed === undefined) continue;
    const fragment = listed.manifest === release.manifest ? undefined : await boundFragment(release, readFragment);
    const texts = { full: "", abbreviated: "" };
    for (const form of ["full", "abbreviated"] as const) {
      const manifest = JSON.parse(await readListed(packument, listed, form)) as Manifest;
      const rebind = rebindManifest(manifest, release, fragment, form);
      texts[form] = JSON.stringify(withhold(rebind, withheld.get(release.version) ?? []));
    }
    overlays.set(release.version, {
      full: cutTarball(texts.full),
      abbreviated: cutTarball(texts.abbreviated),
    });
  }
  return overlays;
}

async function boundFragment(
  release: BoundRelease,
  readFragment: (hex: string) => Promise<string | undefined>,
): Promise<Manifest> {
  const hex = Buffer.from(release.manifest.slice("sha256-".length), "base64").toString("hex");
  const text = await readFragment(hex);
  if (text === undefined) {
    throw new AssayError("BLOB_CORRUPT", {
      key: `manifest of ${release.name}@${release.version}`,
      reason: "it is not stored",
    });
  }
  return JSON.parse(text) as Manifest;
}

/** Puts the bound integrity, and the bound fragment when one is given, into a listed manifest. Pure. */
export function rebindManifest(
  listed: Manifest,
  release: BoundRelease,
  fragment: Manifest | undefined,
  form: "full" | "abbreviated",
): Manifest {
  const manifest: Manifest = { ...listed };
  if (fragment !== undefined) {
    for (const field of fragmentFields) {
      if (fragment[field] === undefined) delete manifest[field];
      else manifest[field] = fragment[field];
    }
    const scripts = (fragment["scripts"] ?? {}) as Manifest;
    if (form === "full") manifest["scripts"] = { ...otherScripts(manifest["scripts"]), ...scripts };
    if (Object.keys(scripts).length > 0) manifest["hasInstallScript"] = true;
    else delete manifest["hasInstallScript"];
  }
  const dist = (manifest["dist"] ?? {}) as Manifest;
  manifest["dist"] = {
    ...(namesOtherBytes(dist, release) ? { tarball: dist["tarball"] } : dist),
    integrity: release.integrity,
  };
  return manifest;
}

/** The manifest without its signatures by these keys. */
function withhold(manifest: Manifest, keyids: readonly string[]): Manifest {
  const dist = manifest["dist"] as Manifest;
  if (keyids.length === 0 || !Array.isArray(dist["signatures"])) return manifest;
  const signatures = dist["signatures"].filter((entry: unknown) => {
    const { keyid } = Object(entry) as { readonly keyid?: unknown };
    return typeof keyid !== "string" || !keyids.includes(keyid);
  });
  return { ...manifest, dist: { ...dist, signatures } };
}

/** A listing with another integrity describes other bytes: its shasum, signatures and sizes are not ours. */
function namesOtherBytes(dist: Manifest, release: BoundRelease): boolean {
  return (
    typeof dist["integrity"] === "string" &&
    !dist["integrity"].split(/\s+/).includes(release.integrity) &&
    dist["integrity"].includes("sha512-")
  );
}

function otherScripts(scripts: unknown): Manifest {
  if (typeof scripts !== "object" || scripts === null) return {};
  return Object.fromEntries(
    Object.entries(scripts).filter(([name]) => !(installScripts as readonly string[]).includes(name)),
  );
}
