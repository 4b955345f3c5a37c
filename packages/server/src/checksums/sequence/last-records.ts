import { createHash } from "node:crypto";
import { emptyRoot, parseVkey, toBase64, toHex } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import { placedKey } from "../claim-keys.ts";
import { claimOnce } from "../claim-once.ts";
import type { RecordFacts } from "../claim-text.ts";
import { markPlaced, waitingByKey } from "../store-claims.ts";
import type { PendingClaim } from "../store-claims.ts";
import { listShards, moveState } from "../store-shards.ts";
import type { Shard } from "../store-shards.ts";
import { sha256 } from "../tile-rows.ts";
import { placeClaims } from "./place.ts";
import type { PlaceDependencies, PlacedHead } from "./place.ts";
import type { SequencerHead } from "./steps.ts";

/**
 * The last records of a closing shard: the key of its successor, so that the old key vouches for the new one, and
 * the successor itself. Nothing while the successor is not prepared. Afterwards the shard is closed.
 */
export async function placeLastRecords(
  deps: PlaceDependencies,
  transaction: Transaction,
  shard: Shard,
  head: SequencerHead,
): Promise<SequencerHead> {
  const next = (await listShards(transaction)).find(({ log, state }) => log === shard.log && state === "next");
  if (next === undefined) return head;
  const digest = createHash("sha256").update(next.vkey).digest();
  const placed = await placeRecords(deps, transaction, { shard, head }, [
    {
      kind: "key",
      ns: shard.log,
      action: "add",
      use: "checkpoint",
      owner: "hosted",
      keyid: toHex(parseVkey(next.vkey).keyId),
      key: `sha256-${toBase64(digest)}`,
    },
    {
      kind: "shard",
      ns: shard.log,
      side: "successor",
      origin: next.origin,
      size: 0,
      root: toBase64(emptyRoot(sha256)),
    },
  ]);
  await moveState(transaction, shard.id, ["closing"], "closed");
  return placed;
}

/** Claims records that belong at this very place of a shard, and places them before whatever else waits. */
export async function placeRecords<Head extends PlacedHead>(
  deps: PlaceDependencies,
  transaction: Transaction,
  { shard, head }: { readonly shard: Shard; readonly head: Head },
  records: readonly RecordFacts[],
): Promise<Head> {
  const claims: PendingClaim[] = [];
  for (const record of records) {
    // The place is part of the key: this record is claimed for it and for no other.
    const key = placedKey(shard.id, head.assignedSize + claims.length);
    await claimOnce(transaction, { log: shard.log, key, record, claimedAtMs: deps.clock.now() });
    claims.push(await waitingByKey(transaction, shard.log, key));
  }
  const ids = claims.map((claim) => claim.id);
  return await placeClaims(deps, transaction, { shard, head, claims }, (firstIdx) =>
    markPlaced(transaction, ids, { shard: shard.id, firstIdx }),
  );
}
