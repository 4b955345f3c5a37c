import { equalBytes } from "@assay/core";
import { requireBeginning } from "../guard.ts";
import { guardOf, stateFor, putGuard } from "../store-shards.ts";
import type { Shard, SignedTree } from "../store-shards.ts";
import { fenced } from "./steps.ts";
import type { NextTree, SequenceDependencies, SequencerHead } from "./steps.ts";

/**
 * Step 3: the signing guard. Throws LOG_GUARD unless the tree to be signed holds the last one that was allowed as its
 * beginning; then both copies of the guard remember the new tree, durably.
 *
 * A crash leaves the guard one commit ahead of the head, in one copy or in both. The assigned rows that the guard
 * speaks of are durable, so whoever takes over comes to the same size and root, and is allowed.
 */
export async function allowSignature(
  deps: SequenceDependencies,
  shard: Shard,
  head: SequencerHead,
  next: NextTree,
): Promise<void> {
  const { database, guardFile, tiles } = deps;
  const rootAt = async (size: number): Promise<Uint8Array> => {
    if (size === next.size) return next.root;
    if (size === head.size) return head.root;
    return await tiles.rootAt({ shard: shard.id, size: head.size, edge: head.edge }, size);
  };
  const inDatabase = await guardOf(database.read, shard.id);
  const inFile = await guardFile.read(shard.origin);
  const copies = [
    { name: "the signing guard in the database", signed: inDatabase },
    { name: `the signing guard in ${guardFile.pathOf(shard.origin)}`, signed: inFile },
  ];
  try {
    for (const copy of copies) await requireBeginning(shard.id, copy, next.size, rootAt);
  } catch (error) {
    // A successor raises the fence before the guard: then it is ahead because of work, not because of a fork.
    if ((await stateFor(database.read, shard.id, head.fence)) === "fenced") throw fenced(shard.id);
    throw error;
  }

  const signed: SignedTree = { size: next.size, root: next.root };
  await database.write(async (transaction) => {
    if ((await stateFor(transaction, shard.id, head.fence)) === "fenced") throw fenced(shard.id);
    // What was judged above must still stand, because only the holder of the fence moves it.
    if (!isSame(await guardOf(transaction, shard.id), inDatabase)) throw fenced(shard.id);
    await putGuard(transaction, shard.id, signed);
  });
  await deps.crashPoint("guarded-in-database");
  await guardFile.raise(shard.origin, signed);
}

function isSame(one: SignedTree | undefined, other: SignedTree | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.size === other.size && equalBytes(one.root, other.root);
}
