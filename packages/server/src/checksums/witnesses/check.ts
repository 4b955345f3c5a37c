import { decodeEdge, isAssayError } from "@assay/core";
import type { BlobStore } from "../../platform/blobs/blobs.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { requireBeginning } from "../guard.ts";
import { isSequenced } from "../start.ts";
import { cosignedOf } from "../store-cosigned.ts";
import { headOf, listShards } from "../store-shards.ts";
import type { HeadRow, Shard } from "../store-shards.ts";
import { createTiles } from "../tiles.ts";
import { readWitness } from "./seen.ts";
import { isCosignatureNeeded, type LogWitnesses } from "./witnesses.ts";

/** What `assay doctor` says about a witness, or about the public checkpoint of a shard. */
export interface WitnessFinding {
  readonly outcome: "ok" | "warning" | "error";
  readonly message: string;
}

export interface WitnessCheckDependencies {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Asks every witness what it has seen of each shard that is signed, and holds it against this database. Changes nothing. */
export async function* checkWitnesses(
  deps: WitnessCheckDependencies,
  { policy, witnesses, timeoutMs }: LogWitnesses,
): AsyncGenerator<WitnessFinding, void, undefined> {
  for (const shard of (await listShards(deps.database.read)).filter(isSequenced)) {
    const head = await headOf(deps.database.read, shard.id);
    if (head?.note === undefined) continue;
    for (const witness of witnesses) {
      const view = await readWitness(deps, witness, shard, timeoutMs);
      const who = `The witness ${witness.name}`;
      if (view.outcome === "unreachable")
        yield { outcome: "warning", message: `${who} cannot be asked: ${view.reason.replace(/\.$/, "")}.` };
      else if (view.outcome === "nothing")
        yield {
          outcome: "warning",
          message: `${who} has cosigned nothing of ${shard.id} yet: its operator needs the vkey ${shard.vkey}.`,
        };
      else yield await compare(deps, shard, head, { who, tree: view.tree });
    }
    if (isCosignatureNeeded(policy)) yield await publicState(deps, shard, head);
  }
}

async function compare(
  deps: WitnessCheckDependencies,
  shard: Shard,
  head: HeadRow,
  { who, tree }: { readonly who: string; readonly tree: { readonly size: number; readonly root: Uint8Array } },
): Promise<WitnessFinding> {
  const tiles = createTiles(deps, { cacheBytes: 1024 * 1024 });
  const view = { shard: shard.id, size: head.size, edge: decodeEdge(head.edge) };
  try {
    await requireBeginning(shard.id, { name: who, signed: tree }, head.assignedSize, (size) =>
      tiles.rootAt(view, size),
    );
    return { outcome: "ok", message: `${who} has cosigned ${tree.size} of ${head.size} entries of ${shard.id}.` };
  } catch (error) {
    if (!isAssayError(error, "LOG_GUARD")) throw error;
    return { outcome: "error", message: error.message };
  }
}

async function publicState(
  { database }: WitnessCheckDependencies,
  shard: Shard,
  head: HeadRow,
): Promise<WitnessFinding> {
  const cosigned = await cosignedOf(database.read, shard.id);
  if (cosigned?.size === head.size)
    return { outcome: "ok", message: `The public checkpoint of ${shard.id} covers all ${head.size} entries.` };
  return {
    outcome: "warning",
    message: `The public checkpoint of ${shard.id} covers ${cosigned?.size ?? 0} of ${head.size} entries: the rest waits for its witnesses.`,
  };
}
