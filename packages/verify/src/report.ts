import type { Integrity, PackageName, Version } from "@assay/core";
import type { RefusedBundle } from "./bundle-opening.ts";
import type { Consistency } from "./follow/merge.ts";
import type { SkippedCounts, UnverifiablePackage } from "./lockfile/lockfile.ts";

/** What a check of a lockfile found. One package stands once for each digest that the lockfile has for it. */
export interface Report {
  /** True when everything that has bytes of its own is verified or was allowed not to be. */
  readonly ok: boolean;
  /** In the log, with exactly these bytes. */
  readonly verified: readonly VerifiedPackage[];
  /** In the log, with other bytes. */
  readonly mismatching: readonly MismatchingPackage[];
  /** Not proven to be in a trusted log. */
  readonly missing: readonly MissingPackage[];
  /** Nothing that a log could say anything about. */
  readonly unverifiable: readonly (UnverifiablePackage & { readonly allowed: boolean })[];
  readonly skipped: SkippedCounts;
  /** The signed checkpoints that the proofs lead to. */
  readonly checkpoints: readonly CheckpointReport[];
  /** Parts of the answer that proved nothing: not trusted, badly signed, wrong proof. */
  readonly refused: readonly Omit<RefusedBundle, "keys">[];
}

/** A package as the lockfile has it, and everywhere it stands there. */
export interface ReportedPackage {
  readonly name: PackageName;
  readonly version: Version;
  /** What the lockfile says. */
  readonly integrity: Integrity;
  readonly paths: readonly string[];
}

export interface VerifiedPackage extends ReportedPackage {
  readonly origin: string;
  readonly index: number;
}

export interface MismatchingPackage extends ReportedPackage {
  /** What the log says. */
  readonly bound: Integrity;
  readonly origin: string;
  readonly index: number;
}

export interface MissingPackage extends ReportedPackage {
  readonly reason: string;
}

export interface CheckpointReport {
  readonly origin: string;
  readonly size: number;
  /** Base64, as in the checkpoint. */
  readonly root: string;
  readonly consistency: Consistency;
  /** The signed note, byte for byte. */
  readonly note: string;
}
