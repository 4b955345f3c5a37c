import type { Integrity, Version } from "@assay/core";
import type { Refusal } from "./decide.ts";

/** Whose list a package's versions must be on: auditors list only what they examined. */
export interface Auditing {
  /** How many of the auditors must list a version, from 1. */
  readonly needed: number;
  /** Their aliases. */
  readonly auditors: readonly string[];
}

/** One version on the list of one auditor. */
export interface AuditRow {
  readonly auditor: string;
  readonly version: Version;
  /** The bytes that it examined. */
  readonly integrity: Integrity;
}

/** Versions that enough auditors list with the same bytes. Pure. What auditors say who are none any more is left out. */
export function examinedVersions(
  { needed, auditors }: Auditing,
  rows: readonly AuditRow[],
): ReadonlyMap<Version, Integrity> {
  const counts = new Map<string, number>();
  const examined = new Map<Version, Integrity>();
  for (const { auditor, version, integrity } of rows) {
    if (!auditors.includes(auditor)) continue;
    const key = `${version} ${integrity}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count >= needed) examined.set(version, integrity);
  }
  return examined;
}

/**
 * Why a version must not be shown or served though nothing else is against it, naming the auditors that do not list it;
 * undefined when enough of them list these bytes. `integrity`: what is bound, or listed; undefined: not known yet.
 */
export function auditRefusal(
  { needed, auditors }: Auditing,
  rows: readonly AuditRow[],
  version: Version,
  integrity: Integrity | undefined,
): Refusal | undefined {
  const said = rows.filter((row) => row.version === version && auditors.includes(row.auditor));
  const listing = said.filter((row) => integrity === undefined || row.integrity === integrity);
  if (listing.length >= needed) return undefined;
  const others = auditors.filter((alias) => !listing.some(({ auditor }) => auditor === alias));
  const differing = others.filter((alias) => said.some(({ auditor }) => auditor === alias));
  const silent = others.filter((alias) => !differing.includes(alias));
  const who = [
    ...(silent.length > 0 ? [`not listed by ${silent.join(", ")}`] : []),
    ...(differing.length > 0 ? [`listed with other bytes by ${differing.join(", ")}`] : []),
  ].join("; ");
  return {
    rule: differing.length > 0 ? "auditor/other-bytes" : "auditor/not-listed",
    reason: `${listing.length} of ${needed} needed auditors examined it (${who})`,
  };
}
