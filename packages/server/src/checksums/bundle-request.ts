import { AssayError, isAssayError, parsePackageName, parseVersion } from "@assay/core";
import type { BundleRequestEntry } from "./checksums.ts";

/** Largest body of a bundle request, bytes. */
export const maxBundleBytes = 2 * 1024 * 1024;
/** Most entries of a bundle request; the largest lockfiles have a tenth of it. */
export const maxBundleEntries = 20_000;

/**
 * Reads `{"entries":[{"name","version"}]}`: exactly these members, at most 20,000 entries; an entry may be repeated.
 * Throws BAD_REQUEST, which names the place.
 */
export function parseBundleRequest(body: unknown): readonly BundleRequestEntry[] {
  const { entries } = members(body, "the body", ["entries"]);
  if (!Array.isArray(entries)) throw refused("entries is not an array");
  if (entries.length > maxBundleEntries) throw refused(`it has more than ${maxBundleEntries} entries`);
  return entries.map((entry: unknown, i) => {
    const where = `entries[${i}]`;
    const { name, version } = members(entry, where, ["name", "version"]);
    if (typeof name !== "string") throw refused(`${where}.name is not a string`);
    if (typeof version !== "string") throw refused(`${where}.version is not a string`);
    try {
      return { name: parsePackageName(name), version: parseVersion(version) };
    } catch (error) {
      if (!isAssayError(error)) throw error;
      throw refused(`${where}: ${error.message.replace(/\.$/, "")}`, error);
    }
  });
}

function members<Name extends string>(value: unknown, where: string, names: readonly Name[]): Record<Name, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refused(`${where} is not an object`);
  const keys = Object.keys(value);
  if (keys.length !== names.length || !names.every((name) => Object.hasOwn(value, name)))
    throw refused(`${where} must have exactly the members ${names.join(" and ")}`);
  return value as Record<Name, unknown>;
}

function refused(reason: string, cause?: unknown): AssayError<"BAD_REQUEST"> {
  return new AssayError("BAD_REQUEST", { reason }, { cause });
}
