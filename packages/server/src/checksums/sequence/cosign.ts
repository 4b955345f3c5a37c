import { addSignatures, encodeEdge, formatSignature, parseNote } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { PublishedHead, PublishedHeads } from "../published.ts";
import { cosignedOf, putCosigned } from "../store-cosigned.ts";
import type { Shard } from "../store-shards.ts";
import type { CrashPoint } from "./steps.ts";

export interface CosignDependencies {
  readonly database: Database;
  readonly clock: Clock;
  /** What readers see. */
  readonly published: PublishedHeads;
  readonly crashPoint: (point: CrashPoint) => void | Promise<void>;
}

/**
 * Step 6, where a witness policy asks for cosignatures: stores the checkpoint with the lines of the witnesses, durably,
 * then shows it to readers. Nothing when a larger one was stored meanwhile.
 *
 * A crash before the write leaves witnesses that have cosigned what nobody published: the next round asks them again
 * at the same size and gets the same statement. A crash after it leaves a stored checkpoint that the next start
 * publishes, and never the one that was signed alone.
 */
export async function publishCosigned(
  deps: CosignDependencies,
  shard: Shard,
  head: PublishedHead,
  lines: readonly string[],
): Promise<void> {
  const { database, clock, published } = deps;
  await deps.crashPoint("cosigned");
  const { size, root, edge } = head;
  const standing = await cosignedOf(database.read, shard.id);
  // Witnesses that are late this time have their older line kept.
  const earlier = standing?.size === size ? parseNote(standing.note).signatures.map(formatSignature) : [];
  const note = addSignatures(head.note, [...lines, ...earlier]);
  const isNewest = await database.write((transaction) =>
    putCosigned(transaction, shard.id, { size, root, edge: encodeEdge(edge), note, atMs: clock.now() }),
  );
  await deps.crashPoint("cosignatures-stored");
  if (isNewest) published.publish(shard.id, { ...head, note });
  await deps.crashPoint("cosignatures-published");
}
