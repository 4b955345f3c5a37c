import { AssayError } from "@assay/core";

/** A stretch of a text and what shall stand there instead. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Base URLs without a slash at the end; `to` may be `none`. */
export interface Move {
  readonly from: string | undefined;
  readonly to: string;
}

/** What shall be done to a lockfile. */
export interface Plan {
  readonly edits: readonly Edit[];
  /** Base URL that moves; undefined when the lockfile names no registry. */
  readonly from: string | undefined;
  /** URLs of other registries, by their base, that stay. */
  readonly others: ReadonlyMap<string, number>;
}

/** The registry that a lockfile names; undefined when it names none. Throws USAGE when it names several. */
export function onlyBase(bases: readonly string[]): string | undefined {
  if (bases.length > 1)
    throw new AssayError("USAGE", {
      reason: `The lockfile names several registries: ${bases.slice(0, 10).join(", ")}. Say which one moves with --from.`,
    });
  return bases[0];
}
