import { parsePackageName, parseVersion, type PackageName, type Version } from "@assay/core";
import { wrongUse } from "./errors.ts";

/** Reads `<name>@<version>` as people write it; the last `@` ends the name. Throws USAGE, BAD_NAME, BAD_VERSION. */
export function parseRelease(text: string): { readonly name: PackageName; readonly version: Version } {
  const at = text.lastIndexOf("@");
  if (at <= 0) throw wrongUse(`${JSON.stringify(text)} is not <name>@<version>.`);
  return { name: parsePackageName(text.slice(0, at)), version: parseVersion(text.slice(at + 1)) };
}
