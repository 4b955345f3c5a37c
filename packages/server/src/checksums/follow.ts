import { decodeEdge, isAssayError } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { requireBeginning, type GuardFile } from "./guard.ts";
import type { ShardList } from "./shard-list.ts";
import { headOf, shardMarks } from "./store-shards.ts";
import type { HeadRow, Shard } from "./store-shards.ts";
import type { Tiles } from "./tiles.ts";
import type { Wakeups } from "./wakeups.ts";

export interface FollowDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly guardFile: GuardFile;
  readonly tiles: Tiles;
}

export interface FollowOptions {
  readonly shards: ShardList;
  /** Rings when somebody waits for a claim to be signed. */
  readonly claimed: Wakeups;
  /** Shows readers what is stored of a shard. */
  readonly publish: (shard: Shard, head: HeadRow) => Promise<void>;
}

/** How often all logs are looked at, by one query. */
const lookMs = 1000;
/** How often the logs are looked at in which somebody waits, and for how long after who waits last said so. */
const quickLookMs = 75;
const waitersMs = 5000;

/**
 * Shows what another process signs, until the signal is aborted: heads that the database holds, under the witness policy
 * of this process, and shards that appeared or ended. It writes nothing but this machine's copy of the guard, so a
 * crash leaves nothing to repair. Failed looks are logged and done again.
 */
export async function followHeads(
  { database, clock, telemetry, guardFile, tiles }: FollowDependencies,
  { shards, claimed, publish }: FollowOptions,
  signal: AbortSignal,
): Promise<void> {
  const shown = new Map<string, string>();
  const states = new Map<string, string>();
  const waitedFor = new Map<string, number>();

  async function look(logs: ReadonlySet<string> | "any"): Promise<void> {
    const marks = await shardMarks(database.read, logs);
    if (marks.some(({ id, state }) => states.get(id) !== state)) await shards.refresh();
    for (const { id, state } of marks) states.set(id, state);
    const visible = new Map(shards.logs().flatMap((log) => shards.visible(log).map((shard) => [shard.id, shard])));
    for (const { id, mark } of marks) {
      const shard = visible.get(id);
      if (shard === undefined || shown.get(id) === mark) continue;
      const head = await headOf(database.read, id);
      if (head === undefined) continue;
      shown.set(id, mark);
      if (await remember(shard, head)) await publish(shard, head);
    }
  }

  /**
   * Raises this machine's copy of the guard to what another one signed, so that it refuses a restored backup too when it
   * leads. False for a head that does not hold what the copy remembers: it is not shown, and the copy stays.
   */
  async function remember(shard: Shard, head: HeadRow): Promise<boolean> {
    if (head.note === undefined) return true;
    const copy = { name: `the signing guard in ${guardFile.pathOf(shard.origin)}` };
    const view = { shard: shard.id, size: head.size, edge: decodeEdge(head.edge) };
    const rootAt = async (size: number): Promise<Uint8Array> =>
      size === head.size ? head.root : await tiles.rootAt(view, size);
    try {
      const signed = await guardFile.read(shard.origin);
      await requireBeginning(shard.id, { ...copy, signed }, head.size, rootAt);
    } catch (error) {
      if (!isAssayError(error, "LOG_GUARD")) throw error;
      telemetry.log.error("what another process signed is not shown here", { "log.shard": shard.id, error });
      return false;
    }
    await guardFile.raise(shard.origin, head);
    return true;
  }

  let lookedMs = -Infinity;
  while (!signal.aborted) {
    const turn = claimed.next();
    const rung = claimed.take();
    const nowMs = clock.monotonicMs();
    if (rung !== "any") for (const log of rung) waitedFor.set(log, nowMs + waitersMs);
    for (const [log, untilMs] of waitedFor) if (untilMs <= nowMs) waitedFor.delete(log);
    try {
      if (rung === "any" || nowMs - lookedMs >= lookMs) {
        lookedMs = nowMs;
        await look("any");
      } else if (waitedFor.size > 0) await look(new Set(waitedFor.keys()));
    } catch (error) {
      telemetry.log.error("what other processes signed could not be looked at", { "retry.ms": lookMs, error });
      await clock.sleep(lookMs, signal).catch(() => {});
    }
    // Even while it rings without end there is a pause between two looks.
    if (waitedFor.size > 0) await clock.sleep(quickLookMs, signal).catch(() => {});
    else await turnOrSleep(clock, turn, lookMs, signal);
  }
}

async function turnOrSleep(clock: Clock, turn: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const slept = clock.sleep(ms, AbortSignal.any([signal, enough.signal])).catch(() => {});
  await Promise.race([turn, slept]);
  enough.abort();
  await slept;
}
