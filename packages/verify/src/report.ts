import type { Integrity, PackageName, Version, WitnessedBy } from "@assay/core";
import type { RefusedBundle } from "./bundle-opening.ts";
import type { CheckpointAge } from "./freshness.ts";
import type { Consistency } from "./follow/merge.ts";
import type { SkippedCounts, UnverifiablePackage } from "./lockfile/lockfile.ts";

/** What a check of a lockfile found. One package stands once for each digest that the lockfile has for it. */
export interface Report {
  /** True when everything that has bytes of its own is verified, or was allowed or accepted not to be. */
  readonly ok: boolean;
  /** In the log, with exactly these bytes. */
  readonly verified: readonly VerifiedPackage[];
  /** In the log, but the lockfile does not pin the tarball: which bytes it installs is the registry's word. */
  readonly throughRecord: readonly ThroughRecordPackage[];
  /** The log replaced what it had bound, and nobody allowed that. */
  readonly superseded: readonly SupersededPackage[];
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

/**
 * Two marks that say different things. *Authentic*: `bytes` when the log binds exactly the bytes that the lockfile
 * pins, `record` when the log binds this version but the lockfile pins no tarball. *Vetted*: what an examination of
 * those bytes said; `not-vetted-here` where there was none.
 */
export interface Marks {
  readonly authentic: "bytes" | "record";
  readonly vetted: "not-vetted-here";
}

export interface VerifiedPackage extends ReportedPackage, Marks {
  readonly origin: string;
  readonly index: number;
}

/** A version whose bind was replaced, after people at the log approved. The trust file does not allow it. */
export interface SupersededPackage extends Omit<MissingPackage, "reason" | "allowed"> {
  /** What the log says now. */
  readonly bound: Integrity;
  /** What it said before, the first bind first. */
  readonly replaced: readonly Integrity[];
  /** True when the lockfile still has replaced bytes: then allowing it would not help. */
  readonly isReplaced: boolean;
  readonly origin: string;
  readonly index: number;
}

export interface ThroughRecordPackage extends Omit<ReportedPackage, "integrity">, Marks {
  /** What the log says; the lockfile has nothing to compare with it. */
  readonly bound: Integrity;
  readonly origin: string;
  readonly index: number;
  readonly accepted: boolean;
  /** What the registry served when it was asked for the tarball (`checkServed`). */
  readonly served:
    | { readonly as: "not-asked" | "bound" }
    | { readonly as: "other-bytes"; readonly integrity: Integrity }
    | { readonly as: "nothing"; readonly reason: string };
}

export interface MismatchingPackage extends ReportedPackage {
  /** What the log says. */
  readonly bound: Integrity;
  readonly origin: string;
  readonly index: number;
}

export interface MissingPackage extends Omit<ReportedPackage, "integrity"> {
  /** Undefined: the lockfile pins no tarball. */
  readonly integrity: Integrity | undefined;
  readonly reason: string;
  /** Its name may be unverifiable: it comes from a registry of which no log is trusted. */
  readonly allowed: boolean;
}

export interface CheckpointReport {
  readonly origin: string;
  readonly size: number;
  /** Base64, as in the checkpoint. */
  readonly root: string;
  readonly consistency: Consistency;
  /** The signed note, byte for byte. */
  readonly note: string;
  /** Good cosignatures by witnesses of the trust file. */
  readonly cosignatures: readonly WitnessedBy[];
  /** Undefined: nothing tells it. */
  readonly age: CheckpointAge | undefined;
  /** The shard that the log goes on in after this one ended; `trusted`: the trust file names it. */
  readonly successor: { readonly origin: string; readonly trusted: boolean } | undefined;
}
