import { isAssayError } from "@assay/core";
import type { Database } from "../../platform/database/database.ts";
import type { GuardFile } from "../guard.ts";
import { isVisible } from "../shard-list.ts";
import { verifyHead } from "../start.ts";
import type { VerifiedHead } from "../start.ts";
import { listShards } from "../store-shards.ts";
import type { Shard } from "../store-shards.ts";
import type { Tiles } from "../tiles.ts";
import { createReport } from "./report.ts";
import type { Report } from "./report.ts";

/** A shard with its head as of one moment, and where what is wrong with it goes. */
export interface CheckedShard {
  readonly shard: Shard;
  /** Undefined when the head itself is wrong. */
  readonly verified: VerifiedHead | undefined;
  readonly report: Report;
  /** Origin of the shard that follows in the lineage. */
  readonly successor: string | undefined;
}

/** Times the shards are read again because a rotation moved them meanwhile. */
const mostReadings = 10;

/** The shards of every log, oldest first, with their heads checked. A rotation under way is waited out. */
export async function readLineages(deps: {
  readonly database: Database;
  readonly tiles: Tiles;
  readonly guardFile: GuardFile;
}): Promise<ReadonlyMap<string, readonly CheckedShard[]>> {
  let shards = await listShards(deps.database.read);
  for (let reading = 1; ; reading += 1) {
    const checked = [];
    for (const shard of shards.toReversed()) checked.push(await checkHead(deps, shard, shards));
    const now = await listShards(deps.database.read);
    if (reading === mostReadings || statesOf(now) === statesOf(shards))
      return Map.groupBy(
        checked.filter(({ shard }) => isVisible(shard)),
        ({ shard }) => shard.log,
      );
    shards = now;
  }
}

async function checkHead(
  deps: Parameters<typeof readLineages>[0],
  shard: Shard,
  shards: readonly Shard[],
): Promise<CheckedShard> {
  const report = createReport(shard.id);
  const successor = shards.find(({ log, number }) => log === shard.log && number === shard.number + 1)?.origin;
  try {
    const verified = await verifyHead({ ...deps, seenElsewhere: async () => [] }, shard);
    if (verified.lostGuard !== undefined)
      report.warn(`the second copy of the signing guard is missing: ${deps.guardFile.pathOf(shard.origin)}`);
    return { shard, verified, report, successor };
  } catch (error) {
    if (!isAssayError(error)) throw error;
    report.error(error.message);
    return { shard, verified: undefined, report, successor };
  }
}

function statesOf(shards: readonly Shard[]): string {
  return shards.map(({ id, state }) => `${id} ${state}`).join("\n");
}
