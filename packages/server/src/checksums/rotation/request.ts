import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { isSequenced } from "../start.ts";
import { headOf, listShards, moveState } from "../store-shards.ts";
import type { Shard } from "../store-shards.ts";

/** How often the state of a rotation is looked at, ms. */
const pollMs = 100;

/**
 * Asks for the next shard of a log: the open shard takes no more claims from now on. Whoever sequences the log does
 * the rest within a second, or when it is next started. Answers the shard that ends. The same request again, before
 * the next shard is open, changes nothing.
 */
export async function requestRotation(database: Database, log: string): Promise<Shard> {
  return await database.write(async (transaction) => {
    const shards = (await listShards(transaction)).filter((shard) => shard.log === log);
    const ending = shards.find(isSequenced);
    if (ending === undefined) throw new AssayError("NOT_FOUND", { what: `An open shard of the log ${log}` });
    await moveState(transaction, ending.id, ["open"], "closing");
    return ending;
  });
}

/** The newest shard after this one once it is open and has a signed checkpoint; undefined when `waitMs` were not enough. */
export async function awaitRotation(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  ended: Shard,
  { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<Shard | undefined> {
  const deadline = clock.monotonicMs() + waitMs;
  for (;;) {
    const shards = await listShards(database.read);
    const next = shards.find(
      ({ log, number, state }) => log === ended.log && number > ended.number && state !== "next",
    );
    if (next !== undefined && (await headOf(database.read, next.id))?.note !== undefined) return next;
    if (clock.monotonicMs() >= deadline) return undefined;
    await clock.sleep(pollMs, signal);
  }
}
