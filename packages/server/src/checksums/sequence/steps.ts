import type { Edge } from "@assay/core";
import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Events } from "../../platform/events/events.ts";
import type { Random } from "../../platform/random.ts";
import type { GuardFile } from "../guard.ts";
import type { LogInstruments } from "../instruments.ts";
import type { PublishedHeads } from "../published.ts";
import type { Tiles } from "../tiles.ts";

/**
 * Where a commit may be cut off, in the order in which they pass. At each the sequencer calls `crashPoint`, which
 * tests use to die there; in production it does nothing.
 */
export type CrashPoint =
  | "before-assign"
  | "assigned"
  | "tiles-stored"
  | "guarded-in-database"
  | "guarded-in-file"
  | "signed"
  | "swapped"
  | "published"
  // Where a witness policy asks for cosignatures, behind it.
  | "cosigned"
  | "cosignatures-stored"
  | "cosignatures-published"
  // Of a rotation, between these commits.
  | "successor-prepared"
  | "successor-open";

/** What the steps of a commit work with. */
export interface SequenceDependencies {
  readonly database: Database;
  readonly tiles: Tiles;
  readonly guardFile: GuardFile;
  /** Where signed heads go: to readers, or to the witnesses first. */
  readonly signed: PublishedHeads;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly instruments: LogInstruments;
  readonly crashPoint: (point: CrashPoint) => void | Promise<void>;
}

/** The state of a shard as its sequencer knows it. A value: each step makes the next one. */
export interface SequencerHead {
  readonly fence: number;
  readonly assignedSize: number;
  readonly assignedTime: number;
  readonly size: number;
  readonly root: Uint8Array;
  readonly edge: Edge;
  /** Signed checkpoint of `size`; undefined until the first one. */
  readonly note: string | undefined;
}

/** The tree that a commit is about to sign. */
export interface NextTree {
  readonly size: number;
  readonly root: Uint8Array;
  readonly edge: Edge;
}

/** Somebody raised the fence, or the state moved under this sequencer: it must stop and change nothing more. */
export function fenced(shard: string): AssayError<"LOG_FENCED"> {
  return new AssayError("LOG_FENCED", { shard });
}
