import type { Bind, BindFacts } from "./claim-facts.ts";

/** What a source listed or served of a version; undefined where it was not observed. */
export interface Observation {
  readonly source: string;
  readonly integrity: string | undefined;
  readonly tree: string | undefined;
  readonly manifest: string | undefined;
  /** Whether the bytes were read here, or only a listing. */
  readonly from: "bytes" | "listing";
}

/** What follows from an observation, given what stands for the version. */
export type Judgement =
  /** Nothing stands: bytes that passed every check may be bound. A listing binds nothing. */
  | { readonly follows: "bind" }
  /** It is what stands. */
  | { readonly follows: "nothing" }
  /** Another source than the one that was bound from served the bytes that stand. */
  | { readonly follows: "confirm" }
  /** It is something else. What stands stays, is served as before, and the observation is recorded. */
  | { readonly follows: "conflict"; readonly difference: Difference; readonly severity: Severity };

/**
 * - `recompressed`: other bytes with the same files.
 * - `files`: other files.
 * - `bytes`: other bytes, of which the files were not looked at.
 * - `manifest`: another dependency list, or another field that an install uses, over the same bytes.
 */
export type Difference = "recompressed" | "files" | "bytes" | "manifest";

/** `high` is for a person to look at: somebody was shown, or would have got, something else. */
export type Severity = "low" | "high";

/**
 * The decision table of a proxy for one version, as far as bytes and listings decide: whether a source may be asked,
 * whether sources must agree and whether a version is refused is decided before and after it (README, "Decisions").
 * Pure.
 */
export function judge(standing: Bind | BindFacts | undefined, observed: Observation): Judgement {
  if (standing === undefined) return { follows: "bind" };
  const differs = (field: "integrity" | "tree" | "manifest"): boolean =>
    observed[field] !== undefined && observed[field] !== standing[field];
  if (differs("manifest")) return conflict(differs("integrity") ? differenceOfBytes(standing, observed) : "manifest");
  if (differs("integrity") || differs("tree")) return conflict(differenceOfBytes(standing, observed));
  const isConfirmed =
    observed.from === "bytes" && observed.integrity !== undefined && observed.source !== standing.source;
  return { follows: isConfirmed ? "confirm" : "nothing" };
}

function differenceOfBytes(standing: BindFacts, observed: Observation): Difference {
  if (observed.tree === undefined) return "bytes";
  if (observed.tree !== standing.tree) return "files";
  // The same files under another dependency list is no mere re-compression.
  return observed.manifest !== undefined && observed.manifest !== standing.manifest ? "manifest" : "recompressed";
}

function conflict(difference: Difference): Judgement {
  return { follows: "conflict", difference, severity: difference === "recompressed" ? "low" : "high" };
}
