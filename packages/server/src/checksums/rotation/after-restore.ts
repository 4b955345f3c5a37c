import { AssayError, isAssayError, packageOf, parseRecord, toBase64 } from "@assay/core";
import type { Transaction } from "../../platform/database/database.ts";
import { actOfTerminal, type Events } from "../../platform/events/events.ts";
import { isSequenced, verifyHead } from "../start.ts";
import type { SeenElsewhere } from "../start.ts";
import { addNewShard, nameShard } from "../shards.ts";
import type { ShardDependencies } from "../shards.ts";
import { entriesBetween, putPackages, removePackages } from "../store.ts";
import { takeBackPlaces } from "../store-claims.ts";
import type { PackageRow } from "../store.ts";
import { guardOf, headOf, listShards, moveAssigned, moveState, raiseFence, removeShard } from "../store-shards.ts";
import type { Shard, SignedTree } from "../store-shards.ts";
import type { Tiles } from "../tiles.ts";
import { openAfter } from "./advance.ts";

export interface AfterRestoreDependencies extends ShardDependencies {
  readonly tiles: Tiles;
  readonly events: Events;
  readonly seenElsewhere: SeenElsewhere;
}

/**
 * Goes on in a new shard after an old backup was restored: what was signed since then cannot be signed again. The old
 * shard is kept as it was in the backup, and never signed; the new one begins with the final size and root that the
 * guard remembers. Claims of the backup that were not signed go to the new shard. Versions that were bound since the
 * backup are not known here any more.
 *
 * Throws CONFIG when the guard has nothing against the shard that stands, DATABASE when it contradicts itself. One
 * transaction: a crash leaves the refusal as it was. No server may run on this database.
 */
export async function openShardAfterRestore(
  deps: AfterRestoreDependencies,
  options: { readonly log: string; readonly originBase: string | undefined },
): Promise<{ readonly abandoned: Shard; readonly opened: string; readonly lost: number }> {
  const { database, guardFile, clock } = deps;
  const shards = (await listShards(database.read)).filter((shard) => shard.log === options.log);
  const abandoned = shards.find(isSequenced);
  if (abandoned === undefined) throw new AssayError("CONFIG", { reason: `The log ${options.log} has no open shard.` });
  await requireRefusal(deps, abandoned);
  const newShard = await nameShard(deps, options);
  const inFile = await guardFile.read(abandoned.origin);
  const elsewhere = await deps.seenElsewhere(abandoned);
  const lost = await database.write(async (transaction) => {
    const head = await headOf(transaction, abandoned.id);
    if (head === undefined) throw new AssayError("DATABASE", { reason: `the shard ${abandoned.id} has no head` });
    const final = largest(head, await guardOf(transaction, abandoned.id), inFile, ...elsewhere);
    // Whoever still sequences the old shard stops here.
    const fence = await raiseFence(transaction, abandoned.id);
    await takeBackPackages(transaction, abandoned.id, head);
    await takeBackPlaces(transaction, abandoned.id, head.size);
    const { assignedSize: from, assignedTime: time } = head;
    await moveAssigned(transaction, abandoned.id, fence, { from, to: head.size, time });
    await moveState(transaction, abandoned.id, ["open", "closing", "closed"], "abandoned");
    // What the backup prepared may have been opened and signed since.
    for (const prepared of shards) if (prepared.state === "next") await removeShard(transaction, prepared.id);
    await addNewShard(transaction, { ...newShard, state: "next", createdAtMs: clock.now() });
    const successor = { ...newShard, state: "next", visibility: abandoned.visibility } as const;
    await openAfter(deps, transaction, { shard: abandoned, final: { ...final, assignedTime: time }, successor });
    await deps.events.record(transaction, {
      kind: "log.opened-after-restore",
      subject: newShard.id,
      data: { abandoned: abandoned.id, keptSize: head.size, signedSize: final.size, root: toBase64(final.root) },
      act: actOfTerminal,
    });
    return Math.max(0, final.size - head.size);
  });
  return { abandoned, opened: newShard.id, lost };
}

/** The last records of packages as they were before the places that are taken back. */
async function takeBackPackages(
  transaction: Transaction,
  shard: string,
  { size, assignedSize }: { readonly size: number; readonly assignedSize: number },
): Promise<void> {
  const entries = await entriesBetween(transaction, shard, size, assignedSize);
  const before = new Map<string, PackageRow | undefined>();
  for (const { record: text } of entries.toReversed()) {
    const record = parseRecord(text);
    if (record.kind === "unknown") continue;
    const name = packageOf(record);
    const { seq, prev } = record;
    before.set(name, prev === "-" ? undefined : { name, seq: seq - 1, lastIdx: prev });
  }
  await putPackages(
    transaction,
    shard,
    [...before.values()].filter((row) => row !== undefined),
  );
  const names = [...before].filter(([, row]) => row === undefined).map(([name]) => name);
  await removePackages(transaction, shard, names);
}

async function requireRefusal(deps: AfterRestoreDependencies, shard: Shard): Promise<void> {
  try {
    await verifyHead(deps, shard);
  } catch (error) {
    if (isAssayError(error, "LOG_GUARD")) return;
    throw error;
  }
  throw new AssayError("CONFIG", {
    reason: `Nothing is wrong with ${shard.id}: this database is as new as what was signed. A new shard is opened with assay log rotate, without --restored.`,
  });
}

function largest(one: SignedTree, ...others: readonly (SignedTree | undefined)[]): SignedTree {
  return others.reduce<SignedTree>(
    (most, other) => (other !== undefined && other.size >= most.size ? other : most),
    one,
  );
}
