import { createHash } from "node:crypto";
import type {
  AuditRecord,
  ConfirmRecord,
  ConflictRecord,
  DelegateRecord,
  KeyRecord,
  PackageName,
  SeenRecord,
  Version,
} from "@assay/core";

/** The keys under which records are claimed: unique in a log, for ever. None of their parts holds a space. */

/** A version never holds `@`, so the last one ends the name. */
export function bindKey(name: PackageName, version: Version): string {
  return `bind ${name}@${version}`;
}

/** Of the n-th supersede of a version, from 1, so that they sort: the replacements of a version are one line. */
export function supersedeKey(name: PackageName, version: Version, number: number): string {
  return `supersede ${name}@${version} ${String(number).padStart(6, "0")}`;
}

export function conflictKey({ name, version, source }: Pick<ConflictRecord, "name" | "version" | "source">): string {
  return `conflict ${name}@${version} ${source}`;
}

type Listing = Pick<SeenRecord, "name" | "version" | "source" | "integrity" | "manifest">;

export function seenKey({ name, version, source, integrity, manifest }: Listing): string {
  const listing = createHash("sha256").update(`${integrity} ${manifest}`).digest("base64");
  return `seen ${name}@${version} ${source} ${listing}`;
}

type Confirmed = Pick<ConfirmRecord, "name" | "version" | "source" | "integrity">;

export function confirmKey({ name, version, source, integrity }: Confirmed): string {
  return `confirm ${name}@${version} ${source} ${integrity}`;
}

/** The beginning of the keys of one version's disappearances, or returns, at a source. */
export function sightingPrefix(kind: "gone" | "back", name: PackageName, version: Version, source: string): string {
  return `${kind} ${name}@${version} ${source}`;
}

/** The beginning of the keys of one package's tags at a source. */
export function tagPrefix(name: PackageName, source: string): string {
  return `tag ${name} ${source}`;
}

/** The beginning of the keys of what one source said of one version's deprecation. */
export function deprecatePrefix(name: PackageName, version: Version, source: string): string {
  return `deprecate ${name}@${version} ${source}`;
}

/** The beginning of the keys of one package's heads. */
export function headPrefix(name: PackageName): string {
  return `head ${name}`;
}

export const policyPrefix = "policy";

/** Sorted by the number of acts. */
export function auditKey({ acts }: Pick<AuditRecord, "acts">): string {
  return `audit ${String(acts).padStart(16, "0")}`;
}

export function delegateKey({ name, statement }: Pick<DelegateRecord, "name" | "statement">): string {
  return `delegate ${name} ${statement}`;
}

type Key = Pick<KeyRecord, "action" | "use" | "owner" | "keyid" | "key">;

export function keyKey({ action, use, owner, keyid, key }: Key): string {
  return `key ${action} ${use} ${owner} ${keyid} ${key}`;
}

/** Of a record that was made for its very place. */
export function placedKey(shard: string, idx: number): string {
  return `placed ${shard} ${idx}`;
}

/** Milliseconds as text that sorts as the number does, until 2286 at the same length. */
export function timeText(atMs: number): string {
  return String(atMs).padStart(13, "0");
}
