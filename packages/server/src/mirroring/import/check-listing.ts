import { AssayError, isPlainObject, manifestFragmentText, type Version } from "@assay/core";
import { readJson, type ExportedPackage } from "../export-format.ts";

/**
 * The version objects of a listing: exactly those of the releases that say so, each with their integrity and fragment.
 * Throws BAD_FORMAT.
 */
export function checkListing(bytes: Uint8Array, { name, releases }: ExportedPackage): ReadonlyMap<Version, unknown> {
  const listing = readJson(bytes, "listing.json");
  if (!isPlainObject(listing) || listing["name"] !== name) throw malformed(`it is not that of ${name}`);
  const versions = listing["versions"];
  if (!isPlainObject(versions)) throw malformed("it has no versions");
  const expected = releases.filter(({ isListed }) => isListed);
  const stranger = Object.keys(versions).find((version) => !expected.some((release) => release.version === version));
  if (stranger !== undefined) throw malformed(`it lists ${stranger}, which is no listed release of the export`);
  return new Map(
    expected.map(({ version, integrity, fragment }) => {
      const manifest = Object.hasOwn(versions, version) ? versions[version] : undefined;
      if (!isPlainObject(manifest)) throw malformed(`it does not list ${version}`);
      const dist = manifest["dist"];
      if (!isPlainObject(dist) || dist["integrity"] !== integrity)
        throw malformed(`it lists other bytes for ${version}`);
      if (manifestFragmentText(manifest) !== fragment) throw malformed(`it lists another manifest for ${version}`);
      return [version, manifest];
    }),
  );
}

function malformed(reason: string): AssayError<"BAD_FORMAT"> {
  return new AssayError("BAD_FORMAT", { what: "Its listing", reason });
}
