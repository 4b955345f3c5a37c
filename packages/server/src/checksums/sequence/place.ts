import { encodeUtf8, leafHash, logIndex, toBase64 } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import { recordText } from "../claim-text.ts";
import { insertEntries, packagesNamed, putPackages } from "../store.ts";
import type { EntryRow, PackageRow } from "../store.ts";
import type { PendingClaim } from "../store-claims.ts";
import { moveAssigned } from "../store-shards.ts";
import type { HeadRow, Shard } from "../store-shards.ts";
import { sha256 } from "../tile-rows.ts";
import { fenced } from "./steps.ts";
import type { SequenceDependencies } from "./steps.ts";

export type PlaceDependencies = Pick<SequenceDependencies, "clock" | "random">;

/** What a place in a shard follows. */
export type PlacedHead = Pick<HeadRow, "fence" | "assignedSize" | "assignedTime">;

/** Entries that are formatted, hashed and inserted at a time, so that the event loop turns between. */
const entriesPerStatement = 512;
const nonceBytes = 16;

/**
 * Gives claims the next places of a shard: index, seq, prev, time, record text and leaf hash become rows, for ever.
 * `mark` writes the places into the claims and answers how many there were. Throws LOG_FENCED unless the head still
 * is this one.
 */
export async function placeClaims<Head extends PlacedHead>(
  deps: PlaceDependencies,
  transaction: Transaction,
  { shard, head, claims }: { readonly shard: Shard; readonly head: Head; readonly claims: readonly PendingClaim[] },
  mark: (firstIdx: number) => Promise<number>,
): Promise<Head> {
  // A clock that went back must not take the log back.
  const time = Math.max(head.assignedTime, Math.floor(deps.clock.now() / 1000));
  const from = head.assignedSize;
  const to = from + claims.length;
  // First the row that only one sequencer can move: another one's work ends here.
  if (!(await moveAssigned(transaction, shard.id, head.fence, { from, to, time }))) throw fenced(shard.id);
  const marked = await mark(from);
  // Must equal, because the indexes below are counted from the rows that were read.
  if (marked !== claims.length) throw new Error(`${marked} claims were marked, not ${claims.length}`);
  const packages = await packagesOf(transaction, shard, claims);
  for (let start = 0; start < claims.length; start += entriesPerStatement) {
    const chunk = claims.slice(start, start + entriesPerStatement);
    const entries = entriesOf(deps, shard, chunk, { packages, from: from + start, time });
    await insertEntries(transaction, shard.id, entries);
  }
  await putPackages(transaction, shard.id, [...packages.values()]);
  return { ...head, assignedSize: to, assignedTime: time };
}

/** The last records of the packages of these claims, where they have any. */
async function packagesOf(
  transaction: Transaction,
  shard: Shard,
  claims: readonly PendingClaim[],
): Promise<Map<string, PackageRow>> {
  const names = [...new Set(claims.map((claim) => claim.name))];
  const standing = await packagesNamed(transaction, shard.id, names);
  return new Map(standing.map((row) => [row.name, row]));
}

function entriesOf(
  deps: PlaceDependencies,
  shard: Shard,
  claims: readonly PendingClaim[],
  at: { readonly packages: Map<string, PackageRow>; readonly from: number; readonly time: number },
): EntryRow[] {
  const nonces = shard.visibility === "private" ? deps.random.bytes(claims.length * nonceBytes) : undefined;
  return claims.map((claim, i) => {
    const idx = at.from + i;
    const previous = at.packages.get(claim.name);
    const seq = (previous?.seq ?? 0) + 1;
    at.packages.set(claim.name, { name: claim.name, seq, lastIdx: idx });
    const record = recordText(claim.facts, {
      seq,
      prev: previous === undefined ? undefined : logIndex(previous.lastIdx),
      time: at.time,
      // Without it the leaf hash of a private record could be guessed, since its facts can.
      nonce: nonces ? toBase64(nonces.subarray(i * nonceBytes, (i + 1) * nonceBytes)) : "-",
    });
    return { idx, record, leafHash: leafHash(sha256, encodeUtf8(record)) };
  });
}
