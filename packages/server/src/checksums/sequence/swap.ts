import { encodeEdge, toBase64 } from "@assay/core";
import { swapHead } from "../store-shards.ts";
import type { Shard } from "../store-shards.ts";
import { fenced } from "./steps.ts";
import type { NextTree, SequenceDependencies, SequencerHead } from "./steps.ts";

/**
 * Step 5: compare-and-swap of the head. Only from the size that this commit started at, and only under its own fence;
 * otherwise LOG_FENCED, and the note that was just signed is dropped: the winner signs the same rows.
 *
 * A crash before the commit leaves the old head, and the commit is done again from its assigned rows. A crash after
 * it leaves a finished commit that nobody was told about: the next start publishes the head it finds.
 */
export async function swap(
  deps: SequenceDependencies,
  shard: Shard,
  head: SequencerHead,
  next: NextTree & { readonly note: string },
): Promise<SequencerHead> {
  const { size, root, edge, note } = next;
  await deps.database.write(async (transaction) => {
    const swapped = await swapHead(transaction, shard.id, head.fence, head.size, {
      size,
      root,
      edge: encodeEdge(edge),
      note,
      atMs: deps.clock.now(),
    });
    if (!swapped) throw fenced(shard.id);
    await deps.events.record(transaction, {
      kind: "log.checkpoint-signed",
      subject: shard.id,
      data: { size, root: toBase64(root) },
    });
  });
  return { ...head, size, root, edge, note };
}
