import type { Transaction } from "../platform/database/database.ts";
import { timeText } from "./claim-keys.ts";
import { claimText } from "./claim-text.ts";
import type { RecordFacts } from "./claim-text.ts";
import { insertClaim } from "./store-claims.ts";

export interface OnceClaim {
  readonly log: string;
  /** Unique in the log, for ever. */
  readonly key: string;
  readonly record: RecordFacts;
  readonly claimedAtMs: number;
}

/**
 * Claims a record once: false when its key stands already. Throws BAD_FORMAT, BAD_NAME or BAD_VERSION when no record
 * can hold these facts; then nothing is claimed.
 */
export async function claimOnce(transaction: Transaction, claim: OnceClaim): Promise<boolean> {
  const { log, key, record, claimedAtMs } = claim;
  return await insertClaim(transaction, {
    log,
    key,
    kind: record.kind,
    name: "name" in record ? record.name : "",
    version: "version" in record ? record.version : "",
    facts: claimText(record),
    claimedAtMs,
  });
}

/** The end of the range of keys that start with `prefix`, which ends in a space. */
export function untilNext(prefix: string): string {
  return `${prefix.slice(0, -1)}!`;
}

const dayMs = 24 * 60 * 60 * 1000;

/** The range of keys `<prefix> <epoch ms>…` whose time is in the UTC day of `atMs`. Times have 13 digits until 2286. */
export function dayOf(prefix: string, atMs: number): readonly [from: string, to: string] {
  const start = atMs - (atMs % dayMs);
  return [`${prefix} ${timeText(start)}`, `${prefix} ${timeText(start + dayMs)}`];
}
