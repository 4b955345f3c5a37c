import type { EpochMs, Integrity, PackageName, RegistrySignature, Version } from "@assay/core";
import type { Transaction } from "../platform/database/database.ts";
import type { TagSighting } from "./tags.ts";

/**
 * The state of every release, first-seen times, and the one gate: may this be served, here, now?
 *
 * State is held in memory by name with a generation number that every change raises (in the table too, so
 * that a change by another process is noticed within a second); a warm gate runs no SQL.
 */
export interface Releases {
  /** The gate. Asked on every tarball path (GET, HEAD, Range, cache hit), before any byte. */
  gate(name: PackageName, version: Version): Promise<Gate> | Gate;

  /** Everything `serving` needs to decide what a packument shows. Sync when in memory. */
  packageState(name: PackageName): Promise<PackageState> | PackageState;

  /**
   * Takes note of what a source lists now, in the caller's transaction: first-seen times, versions gone and
   * back (claimed in the log when bound), bound versions whose listed integrity or manifest differs (one
   * `conflict` per source). Call `changed(name)` after the commit.
   */
  sight(transaction: Transaction, sighting: Sighting): Promise<SightingOutcome>;

  /**
   * A version is published here, in the caller's transaction: it was first seen now, and other processes notice. Memory
   * is dropped here after the commit.
   */
  published(transaction: Transaction, name: PackageName, version: Version): Promise<void>;

  /** A hosted version is unpublished, in the caller's transaction: from the commit on it is refused at the gate, for ever. */
  unpublished(transaction: Transaction, name: PackageName, version: Version): Promise<void>;

  /**
   * Raises the generation of a package in the caller's transaction, because a version of it was bound: other
   * processes notice. Memory is dropped here after the commit.
   */
  raise(transaction: Transaction, name: PackageName): Promise<void>;

  /**
   * Puts what an auditor lists of a package in place of what it listed before. What not enough auditors list is refused
   * at the gate, also when it was served before. False when nothing changed.
   */
  takeAudit(name: PackageName, auditor: string, versions: ReadonlyMap<Version, Integrity>): Promise<boolean>;

  /** Drops what is in memory about a name; call after a commit that changed it. */
  changed(name: PackageName): void;

  /** A person frees a version that was refused because it was removed early. False when it was not refused. */
  free(name: PackageName, version: Version): Promise<boolean>;

  /** Writes sighted versions into the log until aborted, slowly; nothing with `log.seen: off`. */
  recordSighted(signal: AbortSignal): Promise<void>;

  /** Watches for changes by other processes until aborted; `onChanges` is called after each look that found some. */
  run(signal: AbortSignal, onChanges?: () => void): Promise<void>;
}

export type Gate =
  | { readonly verdict: "serve"; readonly release: BoundRelease }
  /** Never seen: `admission` must admit it first. */
  | { readonly verdict: "unbound" }
  | { readonly verdict: "refuse"; readonly rule: string; readonly reason: string };

export interface BoundRelease {
  readonly name: PackageName;
  readonly version: Version;
  readonly integrity: Integrity;
  readonly sizeBytes: number;
  /** `sha256-<base64>`: the fragment is the blob `manifest/<hex>`. */
  readonly manifest: string;
  /** Our registry signature; undefined only while it cannot be made. */
  readonly signature: RegistrySignature | undefined;
}

export interface PackageState {
  /** Raised by every change of this package's state; part of every document's cache key. */
  readonly generation: number;
  /** When a version was last refused, freed, gone or back, or its listing differed from its bind; 0 when never. */
  readonly changedAtMs: number;
  readonly binds: ReadonlyMap<Version, BoundRelease>;
  /** Versions that must not show, with the rule and reason. */
  readonly refused: ReadonlyMap<Version, { readonly rule: string; readonly reason: string }>;
  readonly firstSeenMs: ReadonlyMap<Version, EpochMs>;
  /** The bytes that enough auditors examined; undefined when this package needs none. */
  readonly examined: ReadonlyMap<Version, Integrity> | undefined;
}

export interface Sighting {
  readonly name: PackageName;
  readonly source: string;
  /** A mirror decides nothing: only what it lists otherwise than bound is on record then. Default false. */
  readonly isMirror?: boolean;
  readonly atMs: EpochMs;
  readonly versions: readonly SightedVersion[];
  /** Where tags pointed when this package was last looked at, and where they point now; undefined at first contact. */
  readonly tags?: TagSighting | undefined;
}

export interface SightedVersion {
  readonly version: Version;
  /** Upstream's `time`, or undefined when it has none that can be read. */
  readonly publishedMs: EpochMs | undefined;
  /** sha512 listed upstream, or undefined. */
  readonly integrity: Integrity | undefined;
  /** `sha256-<base64>`, or undefined when the manifest cannot be digested (it then cannot be admitted). */
  readonly manifest: string | undefined;
}

export interface SightingOutcome {
  readonly firstContact: boolean;
  readonly appeared: readonly Version[];
  readonly gone: readonly Version[];
  readonly back: readonly Version[];
  readonly conflicting: readonly Version[];
}

export type { Auditing } from "./examined.ts";
export { createReleases } from "./create-releases.ts";
export { releaseMigrations } from "./migrations.ts";
