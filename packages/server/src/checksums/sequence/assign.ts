import { markSequenced, pendingClaims } from "../store-claims.ts";
import { stateFor } from "../store-shards.ts";
import type { Shard } from "../store-shards.ts";
import { placeLastRecords } from "./last-records.ts";
import { placeClaims } from "./place.ts";
import { fenced } from "./steps.ts";
import type { SequenceDependencies, SequencerHead } from "./steps.ts";

/** Most claims that one commit takes. */
export const maxBatch = 4096;

/**
 * Step 1: gives the oldest waiting claims their places, in one transaction. They stand for ever: nothing is ever
 * assigned again. A closing shard takes no claims: it gets its last records.
 *
 * A crash before the commit leaves the claims waiting. A crash after it leaves `assigned_size` above `size`; whoever
 * takes over skips this step and finishes those rows first.
 */
export async function assign(deps: SequenceDependencies, shard: Shard, head: SequencerHead): Promise<SequencerHead> {
  // Asked outside the transaction first: an idle log must not occupy the writer.
  if (!(await isDue(deps, shard, head))) return head;
  return await deps.database.write(async (transaction) => {
    const state = await stateFor(transaction, shard.id, head.fence);
    if (state === "fenced") throw fenced(shard.id);
    if (state === "closing") return await placeLastRecords(deps, transaction, shard, head);
    if (state !== "open") return head;
    const claims = await pendingClaims(transaction, shard.log, maxBatch);
    const last = claims.at(-1);
    if (last === undefined) return head;
    return await placeClaims(deps, transaction, { shard, head, claims }, (firstIdx) =>
      markSequenced(transaction, shard.log, last.id, { shard: shard.id, firstIdx }),
    );
  });
}

async function isDue({ database }: SequenceDependencies, shard: Shard, head: SequencerHead): Promise<boolean> {
  if ((await pendingClaims(database.read, shard.log, 1)).length > 0) return true;
  return (await stateFor(database.read, shard.id, head.fence)) !== "open";
}
