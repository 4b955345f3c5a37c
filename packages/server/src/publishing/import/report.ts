import type { NamePattern, PackageName } from "@assay/core";

/** One version, or a whole package, that is not here though it is there, by the rule that stopped it. */
export interface NotTaken {
  readonly name: PackageName;
  /** Undefined: the whole package. */
  readonly version: string | undefined;
  readonly rule: string;
  readonly reason: string;
  /** Whether `accept` takes it. */
  readonly isAcceptable: boolean;
}

/** Something that is one thing there and another here; what is here stays. */
export interface Difference {
  readonly name: PackageName;
  /** `1.0.0`, `the tag latest`. */
  readonly what: string;
  readonly there: string;
  readonly here: string;
}

export interface MoveReport {
  /** `complete`: all that is there is here, and equal. */
  readonly outcome: "complete" | "incomplete" | "stopped";
  /** Packages and versions that are here and equal to what is there. */
  readonly packages: number;
  readonly versions: number;
  /** How many of the versions this run brought, and their bytes. */
  readonly brought: number;
  readonly sizeBytes: number;
  readonly notTaken: readonly NotTaken[];
  /** What publishing refuses, and `accept` took. */
  readonly accepted: readonly NotTaken[];
  readonly differences: readonly Difference[];
  /** `name@version` of what had only a sha1 to be held against. */
  readonly weak: readonly string[];
  /** Versions that are bound, and under no signed checkpoint yet. */
  readonly waiting: number;
}

export interface MoveProgress {
  /** Packages. */
  readonly done: number;
  readonly total: number;
  readonly versions: number;
  readonly sizeBytes: number;
  readonly latest: string;
}

export interface MoveOptions {
  /** None: all that was published there. */
  readonly names: readonly NamePattern[];
  /** Rules that publishing refuses by, and that are let pass. */
  readonly accept: ReadonlySet<string>;
  /** Packages under way at once. */
  readonly concurrency: number;
  /** Ends it after the versions under way. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: MoveProgress) => void;
}
