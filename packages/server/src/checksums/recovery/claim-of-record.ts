import { AssayError, parseRecord } from "@assay/core";
import type { KnownRecord } from "@assay/core";
import {
  auditKey,
  bindKey,
  confirmKey,
  conflictKey,
  delegateKey,
  deprecatePrefix,
  headPrefix,
  keyKey,
  placedKey,
  policyPrefix,
  seenKey,
  sightingPrefix,
  supersedeKey,
  tagPrefix,
  timeText,
} from "../claim-keys.ts";

/** Where a record stands. */
export interface RecordAt {
  readonly shard: string;
  readonly idx: number;
  readonly text: string;
}

/** The record of an entry of one's own log. Throws BAD_FORMAT when it is none, or of a kind that is not known. */
export function ownRecord({ shard, idx, text }: RecordAt): KnownRecord {
  const record = parseRecord(text);
  if (record.kind !== "unknown") return record;
  throw new AssayError("BAD_FORMAT", {
    what: "The copy",
    reason: `entry ${idx} of ${shard} is of the kind ${record.unknownKind}, which only a newer Assay knows`,
  });
}

/** The facts of a claim whose record this is: everything before the four lines that the sequencer added. */
export function factsOfRecord(text: string): string {
  const at = text.lastIndexOf("\nseq ");
  return text.slice(0, at + 1);
}

/**
 * The key under which the record was claimed, so that what was claimed once is not claimed again. The time of events
 * is known to the second only; their index makes them unique. `number` is that of a supersede among those of its
 * version, from 1.
 */
export function keyOfRecord(record: KnownRecord, { shard, idx }: RecordAt, number: () => number): string {
  const time = `${timeText(record.time * 1000)} ${idx}`;
  switch (record.kind) {
    case "bind":
      return bindKey(record.name, record.version);
    case "supersede":
      return supersedeKey(record.name, record.version, number());
    case "conflict":
      return conflictKey(record);
    case "gone":
    case "back":
      return `${sightingPrefix(record.kind, record.name, record.version, record.source)} ${time}`;
    case "seen":
      return seenKey(record);
    case "confirm":
      return confirmKey(record);
    case "tag":
      return `${tagPrefix(record.name, record.source)} ${time} ${record.tag}`;
    case "deprecate":
      return `${deprecatePrefix(record.name, record.version, record.source)} ${time}`;
    case "head":
      return `${headPrefix(record.name)} ${time}`;
    case "policy":
      return `${policyPrefix} ${time}`;
    case "audit":
      return auditKey(record);
    case "delegate":
      return delegateKey(record);
    case "shard":
      return placedKey(shard, idx);
    case "key":
      return keyKey(record);
  }
}
