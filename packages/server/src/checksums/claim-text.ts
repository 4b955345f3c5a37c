import { AssayError, epochMs, formatRecord, logIndex } from "@assay/core";
import type { EpochMs, Integrity, KnownRecord, LogIndex, PackageName, Version } from "@assay/core";
import type { Bind } from "./claim-facts.ts";

/**
 * The text of a claim is its future record without the four lines that only the sequencer knows: `seq`, `prev`,
 * `time` and `nonce`. The sequencer appends them and checks nothing, so a claim is checked whole when it is made.
 */
export type ClaimText = string;

/** Where a record stands in the log. */
export interface RecordPlace {
  readonly seq: number;
  readonly prev: LogIndex | undefined;
  /** Whole seconds since 1970. */
  readonly time: number;
  /** Base64 of 16 bytes, or `-` in a public log. */
  readonly nonce: string;
}

/** Of all places the longest as text: a claim that fits with it fits everywhere. */
const longestPlace = {
  seq: Number.MAX_SAFE_INTEGER,
  prev: logIndex(Number.MAX_SAFE_INTEGER),
  time: Math.floor(Number.MAX_SAFE_INTEGER / 1000),
  nonce: "AAAAAAAAAAAAAAAAAAAAAA==",
};
const longestPlaceText = placeText(longestPlace);

/** A record without its place. */
export type RecordFacts = WithoutPlace<KnownRecord>;
type WithoutPlace<Known> = Known extends unknown ? Omit<Known, keyof RecordPlace> : never;

/** The claim of these facts. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION when no record can hold them. */
export function claimText(facts: RecordFacts): ClaimText {
  const text = formatRecord({ ...facts, ...longestPlace });
  if (!text.endsWith(longestPlaceText))
    throw new AssayError("BAD_FORMAT", { what: "A record", reason: "its last lines are not its place" });
  return text.slice(0, -longestPlaceText.length);
}

/** The record that a claim becomes at a place. */
export function recordText(claim: ClaimText, place: RecordPlace): string {
  return claim + placeText({ ...place, prev: place.prev ?? "-" });
}

/** One field of a stored claim; from our own table, so it is not checked again. */
export function fieldOfClaim(claim: ClaimText, field: string): string {
  const start = claim.indexOf(`\n${field} `);
  if (start < 0) throw new AssayError("DATABASE", { reason: `a stored claim has no field ${field}` });
  const from = start + field.length + 2;
  return claim.slice(from, claim.indexOf("\n", from));
}

/** What a claim of kind `bind` or `supersede` fixes. */
export function bindOfClaim(claim: ClaimText, claimedAtMs: number): Bind {
  const field = (name: string): string => fieldOfClaim(claim, name);
  return {
    name: field("name") as PackageName,
    version: field("version") as Version,
    integrity: field("integrity") as Integrity,
    tree: field("tree"),
    manifest: field("manifest"),
    sizeBytes: Number(field("size")),
    source: field("source"),
    signer: field("signer"),
    claimedAtMs: epochMs(claimedAtMs) satisfies EpochMs,
  };
}

function placeText(place: {
  readonly seq: number;
  readonly prev: LogIndex | "-";
  readonly time: number;
  readonly nonce: string;
}): string {
  return `seq ${place.seq}\nprev ${place.prev}\ntime ${place.time}\nnonce ${place.nonce}\n`;
}
