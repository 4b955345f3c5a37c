import { AssayError, toBase64 } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import { placeRecords } from "../sequence/last-records.ts";
import { fenced } from "../sequence/steps.ts";
import type { SequenceDependencies } from "../sequence/steps.ts";
import { addNewShard, nameShard } from "../shards.ts";
import type { ShardDependencies } from "../shards.ts";
import { headOf, listShards, moveState, stateFor } from "../store-shards.ts";
import type { Shard, SignedTree } from "../store-shards.ts";

export interface RotationDependencies extends SequenceDependencies, ShardDependencies {
  /** Of the origin of the next shard. */
  readonly originBase: string | undefined;
}

/**
 * Takes the rotation of a shard one step further, when one is under way and everything assigned is signed. Called by
 * the sequencer of the shard between commits.
 *
 * - `closing` and no successor prepared: prepares one. The next commit places the last records, which name it.
 * - `closed`: freezes the shard and opens the successor, whose first record holds the final size and root.
 *
 * Answers "none" when no rotation is under way, "frozen" when this shard is done. Each step is one transaction: a
 * crash between leaves the state from which the next caller goes on. Throws LOG_FENCED when another one took over.
 */
export async function advanceRotation(
  deps: RotationDependencies,
  shard: Shard,
  fence: number,
): Promise<"none" | "advanced" | "frozen"> {
  const state = await stateFor(deps.database.read, shard.id, fence);
  if (state === "fenced") throw fenced(shard.id);
  if (state === "closing") {
    await prepareSuccessor(deps, shard, fence);
    await deps.crashPoint("successor-prepared");
    return "advanced";
  }
  if (state === "closed") {
    await openSuccessor(deps, shard, fence);
    await deps.crashPoint("successor-open");
    return "frozen";
  }
  return "none";
}

async function prepareSuccessor(deps: RotationDependencies, shard: Shard, fence: number): Promise<void> {
  const successor = await nameShard(deps, { log: shard.log, originBase: deps.originBase });
  await deps.database.write(async (transaction) => {
    if ((await stateFor(transaction, shard.id, fence)) !== "closing") throw fenced(shard.id);
    if ((await successorOf(transaction, shard)) !== undefined) return;
    await addNewShard(transaction, { ...successor, state: "next", createdAtMs: deps.clock.now() });
  });
}

async function openSuccessor(deps: RotationDependencies, shard: Shard, fence: number): Promise<void> {
  await deps.database.write(async (transaction) => {
    const head = await headOf(transaction, shard.id);
    const successor = await successorOf(transaction, shard);
    if ((await stateFor(transaction, shard.id, fence)) !== "closed") throw fenced(shard.id);
    if (head === undefined || successor === undefined || head.note === undefined || head.size !== head.assignedSize)
      throw new AssayError("DATABASE", { reason: `the shard ${shard.id} is closed and has no end or no successor` });
    await moveState(transaction, shard.id, ["closed"], "frozen");
    await openAfter(deps, transaction, { shard, final: head, successor });
    await deps.events.record(transaction, {
      kind: "log.rotated",
      subject: successor.id,
      data: { predecessor: shard.id, size: head.size, root: toBase64(head.root) },
    });
  });
}

/** Opens a prepared shard with its first record: where the one before it ended. */
export async function openAfter(
  deps: Pick<RotationDependencies, "clock" | "random">,
  transaction: Transaction,
  {
    shard,
    final,
    successor,
  }: {
    readonly shard: Shard;
    readonly final: SignedTree & { readonly assignedTime: number };
    readonly successor: Shard;
  },
): Promise<void> {
  const head = await headOf(transaction, successor.id);
  if (head === undefined) throw new AssayError("DATABASE", { reason: `the shard ${successor.id} has no head` });
  const placed = { ...head, assignedTime: final.assignedTime };
  await placeRecords(deps, transaction, { shard: successor, head: placed }, [
    {
      kind: "shard",
      ns: shard.log,
      side: "predecessor",
      origin: shard.origin,
      size: final.size,
      root: toBase64(final.root),
    },
  ]);
  await moveState(transaction, successor.id, ["next"], "open");
}

async function successorOf(transaction: Transaction, { log }: Shard): Promise<Shard | undefined> {
  return (await listShards(transaction)).find((shard) => shard.log === log && shard.state === "next");
}
