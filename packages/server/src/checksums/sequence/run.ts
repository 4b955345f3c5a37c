import { isAssayError } from "@assay/core";
import type { Database, Transaction } from "../../platform/database/database.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { isOwnLog, publicLog } from "../log-ids.ts";
import { advanceRotation } from "../rotation/advance.ts";
import type { RotationDependencies } from "../rotation/advance.ts";
import type { ShardList } from "../shard-list.ts";
import { beatLead, isLead, logsWithWork } from "../store-lead.ts";
import type { Shard } from "../store-shards.ts";
import type { Wakeups } from "../wakeups.ts";
import { createSequencer, isFinal } from "./sequencer.ts";
import type { Sequencer } from "./sequencer.ts";
import { fenced } from "./steps.ts";

export interface RunDependencies extends RotationDependencies {
  readonly telemetry: Telemetry;
}

export interface RunOptions {
  /** The fence of the lead, as `lead.ts` has won it. */
  readonly lead: number;
  readonly shards: ShardList;
  /** Rings when claims were committed. */
  readonly claimed: Wakeups;
  /** Makes the first shard of a log that has none, and checks those that were not opened yet. */
  readonly open: (log: string) => Promise<void>;
  /** Where heads of a log go that are signed. */
  readonly signedOf: (log: string) => RunDependencies["signed"];
}

/** Pause after a commit that failed for a reason that may pass. */
const retryMs = 1000;
/** How often an idle sequencer looks for what other processes did: claims, and the wish for a new shard. */
const pollMs = 1000;

/**
 * Sequences all logs of this deployment until the signal is aborted, each one's shards after each other, the logs
 * beside each other; the commits under way are finished first. There is no timer between commits: the next one takes
 * whatever was claimed while the last one ran. A log without claims costs nothing: one look finds those that have some.
 *
 * Rejects when this process must stop: LOG_FENCED when another one has taken the lead, LOG_GUARD when the log of the
 * public namespace would be forked, CONFIG when its key is gone. Another log of which that is so is not sequenced any
 * more by this process, and the others go on.
 */
export async function runSequencer(deps: RunDependencies, options: RunOptions, signal: AbortSignal): Promise<void> {
  const { database, clock, telemetry } = deps;
  const { claimed, lead } = options;
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const working = new Map<string, LogWork>();
  const begin = (log: string): void => {
    if (!isOwnLog(log)) return;
    const work = working.get(log) ?? createLogWork(deps, options, { log, lead });
    working.set(log, work);
    work.begin(either, (error) => failed.abort(error));
  };

  let rung: ReadonlySet<string> | "any" = "any";
  let lookedMs = clock.monotonicMs();
  let isFresh = false;
  // Taken over though nothing waits: what is wrong with its key or its guard must be heard of at once.
  if (options.shards.unfinished(publicLog) !== undefined) begin(publicLog);
  while (!either.aborted) {
    // Taken before looking: a claim that is committed meanwhile rings this turn.
    const turn = claimed.next();
    try {
      if (rung === "any") {
        if (!(await isLeading(database, lead))) throw fenced("its lead");
        // Whoever led before may have opened a shard in the last moment.
        if (!isFresh) await options.shards.refresh();
        isFresh = true;
        rung = new Set(await logsWithWork(database.read));
        lookedMs = clock.monotonicMs();
      }
      for (const log of rung) begin(log);
    } catch (error) {
      if (isFinal(error)) {
        telemetry.log.error("the logs are not sequenced any more by this process", { error });
        failed.abort(error);
        break;
      }
      telemetry.log.error("the logs could not be looked at and are looked at again", { "retry.ms": retryMs, error });
      rung = "any";
      await clock.sleep(retryMs, either).catch(() => {});
      continue;
    }
    const isRung = await turnOrPoll(deps, turn, either);
    const isTime = clock.monotonicMs() - lookedMs >= pollMs;
    const taken = isRung ? claimed.take() : "any";
    // Rings without end must not keep it from looking.
    rung = isTime ? "any" : taken;
  }
  await Promise.all([...working.values()].map((work) => work.done()));
  failed.signal.throwIfAborted();
}

/** Whether the lead still is ours. Where others may wait for it, the look is a beat. */
async function isLeading(database: Database, lead: number): Promise<boolean> {
  if (database.engine === "sqlite") return await isLead(database.read, lead);
  return await database.write((transaction) => beatLead(transaction, lead));
}

interface LogWork {
  /** Works until nothing waits; while it does, once more after that. */
  begin(signal: AbortSignal, onFinal: (error: unknown) => void): void;
  done(): Promise<void>;
}

/** The work on one log. What it holds of an idle one is its last head. */
function createLogWork(
  deps: RunDependencies,
  options: RunOptions,
  { log, lead }: { readonly log: string; readonly lead: number },
): LogWork {
  let running: Promise<void> | undefined;
  let isAsked = false;
  let isHalted = false;
  let held: { readonly shard: Shard; readonly sequencer: Sequencer } | undefined;

  async function take(shard: Shard): Promise<Sequencer> {
    if (held?.shard.id === shard.id) return held.sequencer;
    const signer = await deps.signing.checkpointSigner(shard.origin, shard.vkey);
    const sequencer = createSequencer({ ...deps, signed: options.signedOf(log) }, shard, signer);
    await sequencer.takeOver((transaction) => requireLead(transaction, lead, shard.id));
    held = { shard, sequencer };
    return sequencer;
  }

  /** True when nothing is left to do. */
  async function step(shard: Shard): Promise<boolean> {
    const sequencer = await take(shard);
    if ((await sequencer.commit()) !== "idle") return false;
    const rotation = await advanceRotation(deps, shard, sequencer.fence);
    if (rotation === "frozen") await options.shards.refresh();
    return rotation === "none";
  }

  async function work(signal: AbortSignal): Promise<void> {
    await retrying(signal, log, () => options.open(log));
    while (!signal.aborted) {
      const shard = options.shards.unfinished(log);
      if (shard === undefined) return;
      const isDone = await retrying(signal, shard.id, async () => {
        try {
          return await step(shard);
        } catch (error) {
          if (isFinal(error)) await reportFinal(deps, shard, error);
          throw error;
        }
      });
      if (isDone === true) return;
    }
  }

  /** Again after a pause, unless the failure is final; undefined when the signal was aborted. */
  async function retrying<T>(signal: AbortSignal, shard: string, attempt: () => Promise<T>): Promise<T | undefined> {
    while (!signal.aborted) {
      try {
        return await attempt();
      } catch (error) {
        // A key that is missing does not come back by waiting.
        if (isFinal(error) || isAssayError(error, "CONFIG")) throw error;
        deps.instruments.failures.add(1, { shard });
        deps.telemetry.log.error("a commit of the log failed and is tried again", {
          "log.shard": shard,
          "retry.ms": retryMs,
          error,
        });
        await deps.clock.sleep(retryMs, signal).catch(() => {});
      }
    }
    return undefined;
  }

  return {
    begin(signal, onFinal) {
      isAsked = true;
      if (running !== undefined || isHalted) return;
      running = (async () => {
        try {
          while (isAsked && !signal.aborted) {
            isAsked = false;
            await work(signal);
          }
        } catch (error) {
          isHalted = true;
          if (log === publicLog || isAssayError(error, "LOG_FENCED")) onFinal(error);
          else deps.telemetry.log.error("one log is not sequenced any more, the others are", { "log.id": log, error });
        } finally {
          running = undefined;
        }
      })();
    },
    done: async () => await running,
  };
}

/** Only who leads takes a log over: else two processes could take them from each other in turns. */
async function requireLead(transaction: Transaction, lead: number, shard: string): Promise<void> {
  if (!(await isLead(transaction, lead))) throw fenced(shard);
}

/** Resolves with the turn, after the time of a poll, or when the signal is aborted; true for the turn. */
async function turnOrPoll({ clock }: RunDependencies, turn: Promise<void>, signal: AbortSignal): Promise<boolean> {
  const enough = new AbortController();
  const poll = clock.sleep(pollMs, AbortSignal.any([signal, enough.signal])).then(
    () => false,
    () => false,
  );
  const isRung = await Promise.race([turn.then(() => true), poll]);
  enough.abort();
  await poll;
  return isRung;
}

/** A log line, and for LOG_GUARD an event and a metric: this process does not sequence the shard any more. */
export async function reportFinal(
  { telemetry, ...deps }: Pick<RunDependencies, "telemetry" | "instruments" | "database" | "events">,
  shard: Shard,
  error: unknown,
): Promise<void> {
  telemetry.log.error("the log is not sequenced any more by this process", {
    "log.shard": shard.id,
    error,
  });
  if (!isAssayError(error, "LOG_GUARD")) return;
  deps.instruments.guardRefusals.add(1, { shard: shard.id });
  await deps.database
    .write((transaction) =>
      deps.events.record(transaction, {
        kind: "log.signature-refused",
        subject: shard.id,
        data: { reason: error.message },
      }),
    )
    .catch(() => {});
}
