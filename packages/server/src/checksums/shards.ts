import { emptyEdge, emptyRoot, encodeEdge, toHex } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Random } from "../platform/random.ts";
import type { Signing } from "../signing/signing.ts";
import type { GuardFile } from "./guard.ts";
import { shardPrefixOf } from "./log-ids.ts";
import { addLog, addShard, listShards } from "./store-shards.ts";
import type { Shard, ShardState } from "./store-shards.ts";
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
  /** Host and path prefix of the origin; undefined where no public one is configured. */
  readonly originBase: string | undefined;
}

/** A shard that could be added: its name was never used, and its key is there. */
export type NewShard = Omit<Shard, "visibility" | "state">;

/**
 * Names the next shard of a log and makes its key. It is called `<log>-<year><letter>` with a `-` for a `:`, and its origin, fixed for
 * ever, is `<originBase>/-/log/<shard>` or `assay.invalid/<16 random hex digits>/<shard>`.
 *
 * A name whose origin the guard has ever seen signed is passed over: after the loss of a data folder the same
 * origin must not start again. The key is durable on return; a crash before the shard is added leaves it unused.
 */
export async function nameShard(deps: ShardDependencies, options: NewShardOptions): Promise<NewShard> {
  const { database, signing, guardFile, clock, random } = deps;
  const { log, originBase } = options;
  const before = await listShards(database.read);
  const taken = new Set(before.map((shard) => shard.id));
  const number = Math.max(0, ...before.filter((shard) => shard.log === log).map((shard) => shard.number)) + 1;
  const year = new Date(clock.now()).getUTCFullYear();
  const anonymousBase = `assay.invalid/${toHex(random.bytes(8))}`;
  for (let attempt = 0; ; attempt += 1) {
    const id = `${shardPrefixOf(log)}-${year}${lettersOf(attempt)}`;
    const origin = originBase === undefined ? `${anonymousBase}/${id}` : `${originBase}/-/log/${id}`;
    if (taken.has(id) || (await guardFile.read(origin)) !== undefined) continue;
    const { vkey } = await signing.checkpointSigner(origin);
    return { id, log, number, origin, vkey };
  }
}

/** Adds a shard without records. Throws when the id, the origin or the number in its log is taken. */
export async function addNewShard(
  transaction: Transaction,
  shard: NewShard & { readonly state: ShardState; readonly createdAtMs: number },
): Promise<void> {
  await addShard(transaction, shard, { root: emptyRoot(sha256), edge: encodeEdge(emptyEdge()) });
}

/**
 * Makes a log with its first shard unless it has one, and answers all shards, newest first within each log. Of two
 * callers at once one makes it.
 */
export async function ensureShards(
  deps: ShardDependencies,
  options: NewShardOptions & { readonly visibility: "private" | "public" },
): Promise<readonly Shard[]> {
  const { database, clock } = deps;
  const { log, visibility } = options;
  const standing = await listShards(database.read);
  if (standing.some((shard) => shard.log === log)) return standing;
  const shard = await nameShard(deps, options);
  // Another process made the first one since we looked: this would be a second open one.
  if (shard.number !== 1) return await listShards(database.read);
  const createdAtMs = clock.now();
  try {
    await database.write(async (transaction) => {
      await addLog(transaction, { id: log, visibility, createdAtMs });
      await addNewShard(transaction, { ...shard, state: "open", createdAtMs });
    });
  } catch (error) {
    // Another process may have made it first; whatever else went wrong, the log is then not there.
    const made = await listShards(database.read);
    if (made.some((other) => other.log === log)) return made;
    throw error;
  }
  return await listShards(database.read);
}

/** a … z, aa, ab, … */
function lettersOf(number: number): string {
  const last = String.fromCharCode(97 + (number % 26));
  return number < 26 ? last : lettersOf(Math.floor(number / 26) - 1) + last;
}
