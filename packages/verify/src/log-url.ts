import type { PackageName, Version } from "@assay/core";
import type { TrustedLog } from "./trust.ts";

/** Where a log's checkpoint and tiles are: its pinned URL, else where the registry serves the shard of that name. */
export function logUrl(registry: string, log: TrustedLog): string {
  const shard = log.origin.slice(log.origin.lastIndexOf("/") + 1);
  return log.url ?? `${registry}/-/log/${segment(shard)}`;
}

/** `@scope/name@version` as a canonical path: the slash of the scope stays. */
export function lookupPath(name: PackageName, version: Version): string {
  return `${name.split("/").map(segment).join("/")}@${segment(version)}`;
}

/** Percent-encodes what RFC 3986 §3.3 does not allow in a path segment, and nothing else. */
function segment(text: string): string {
  return encodeURIComponent(text).replaceAll(/%(?:2[146BC]|3[ABD]|40)/g, decodeURIComponent);
}
