import { emptyEdge, emptyRoot, encodeEdge, toHex } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Random } from "../platform/random.ts";
import type { Signing } from "../signing/signing.ts";
import type { GuardFile } from "./guard.ts";
import { addLog, addShard, freezeShards, listShards } from "./store-shards.ts";
import type { Shard } from "./store-shards.ts";
import { sha256 } from "./tile-rows.ts";

export interface ShardDependencies {
  readonly database: Database;
  readonly signing: Signing;
  readonly guardFile: GuardFile;
  readonly clock: Clock;
  readonly random: Random;
}

export interface NewShardOptions {
  readonly log: string;
  /** Of the log, when this is its first shard. */
  readonly visibility: "private" | "public";
  /** Host and path prefix of the origin; undefined where no public one is configured. */
  readonly originBase: string | undefined;
}

/**
 * Opens the next shard of a log and freezes the ones before it; makes the log when it has none. The shard is named
 * `<log>-<year><letter>`, and its origin, fixed for ever, is `<originBase>/-/log/<shard>` or
 * `assay.invalid/<16 random hex digits>/<shard>`.
 *
 * A name whose origin the guard has ever seen signed is passed over: after the loss of a data folder the same
 * origin must not start again. The key is durable before the shard is. Two callers at once open one shard: the
 * other one's insert throws.
 */
export async function openShard(deps: ShardDependencies, options: NewShardOptions): Promise<void> {
  const { database, signing, guardFile, clock, random } = deps;
  const before = await listShards(database.read);
  const taken = new Set(before.map((shard) => shard.id));
  const number = before.filter((shard) => shard.log === options.log).length + 1;
  const year = new Date(clock.now()).getUTCFullYear();
  const anonymousBase = `assay.invalid/${toHex(random.bytes(8))}`;
  for (let attempt = 0; ; attempt += 1) {
    const id = `${options.log}-${year}${lettersOf(attempt)}`;
    const origin = options.originBase === undefined ? `${anonymousBase}/${id}` : `${options.originBase}/-/log/${id}`;
    if (taken.has(id) || (await guardFile.read(origin)) !== undefined) continue;
    const { vkey } = await signing.checkpointSigner(origin);
    const createdAtMs = clock.now();
    await database.write(async (transaction) => {
      await addLog(transaction, { id: options.log, visibility: options.visibility, createdAtMs });
      await freezeShards(transaction, options.log);
      await addShard(
        transaction,
        { id, log: options.log, number, origin, vkey, createdAtMs },
        { root: emptyRoot(sha256), edge: encodeEdge(emptyEdge()) },
      );
    });
    return;
  }
}

/** Opens the first shard of a log unless it has one, and answers all shards, newest first within each log. */
export async function ensureShards(deps: ShardDependencies, options: NewShardOptions): Promise<readonly Shard[]> {
  const standing = await listShards(deps.database.read);
  if (standing.some((shard) => shard.log === options.log)) return standing;
  try {
    await openShard(deps, options);
  } catch (error) {
    // Another process may have made it first; whatever else went wrong, the log is then not there.
    const made = await listShards(deps.database.read);
    if (made.some((shard) => shard.log === options.log)) return made;
    throw error;
  }
  return await listShards(deps.database.read);
}

/** a … z, aa, ab, … */
function lettersOf(number: number): string {
  const last = String.fromCharCode(97 + (number % 26));
  return number < 26 ? last : lettersOf(Math.floor(number / 26) - 1) + last;
}
