import { isAssayError } from "@assay/core";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { Bell } from "../bell.ts";
import { advanceRotation } from "../rotation/advance.ts";
import type { RotationDependencies } from "../rotation/advance.ts";
import type { ShardList } from "../shard-list.ts";
import type { Shard } from "../store-shards.ts";
import { createSequencer, isFinal } from "./sequencer.ts";

export interface RunDependencies extends RotationDependencies {
  readonly telemetry: Telemetry;
}

export interface RunOptions {
  readonly log: string;
  readonly shards: ShardList;
  /** Rings when claims were committed. */
  readonly claimed: Bell;
}

/** Pause after a commit that failed for a reason that may pass. */
const retryMs = 1000;
/** How often an idle sequencer looks for what other processes did: claims, and the wish for a new shard. */
const pollMs = 1000;

/**
 * Sequences a log until the signal is aborted, shard after shard; the commit under way is finished first. There is no
 * timer between commits: the next one takes whatever was claimed while the last one ran.
 *
 * Rejects when it must stop (LOG_FENCED, LOG_GUARD).
 */
export async function runSequencer(deps: RunDependencies, options: RunOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const shard = options.shards.unfinished(options.log);
    if (shard === undefined) return;
    await runShard(deps, options, { shard, signal });
    await options.shards.refresh();
  }
}

/** Until the shard is frozen, or the signal aborted. */
async function runShard(
  deps: RunDependencies,
  { claimed }: RunOptions,
  { shard, signal }: { readonly shard: Shard; readonly signal: AbortSignal },
): Promise<void> {
  const signer = await deps.signing.checkpointSigner(shard.origin, shard.vkey);
  const sequencer = createSequencer(deps, shard, signer);
  let isSequencer = false;
  while (!signal.aborted) {
    // Taken before looking: a claim that is committed meanwhile rings this turn.
    const turn = claimed.next();
    try {
      if (!isSequencer) await sequencer.takeOver();
      isSequencer = true;
      if ((await sequencer.commit()) !== "idle") continue;
      const rotation = await advanceRotation(deps, shard, sequencer.fence);
      if (rotation === "frozen") return;
      if (rotation === "advanced") continue;
    } catch (error) {
      if (isFinal(error)) {
        await reportFinal(deps, shard, error);
        throw error;
      }
      deps.instruments.failures.add(1, { shard: shard.id });
      deps.telemetry.log.error("a commit of the log failed and is tried again", {
        "log.shard": shard.id,
        "retry.ms": retryMs,
        error,
      });
      await deps.clock.sleep(retryMs, signal).catch(() => {});
      continue;
    }
    await turnOrPoll(deps, turn, signal);
  }
}

/** Resolves with the turn, after the time of a poll, or when the signal is aborted. */
async function turnOrPoll({ clock }: RunDependencies, turn: Promise<void>, signal: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const poll = clock.sleep(pollMs, AbortSignal.any([signal, enough.signal])).catch(() => {});
  await Promise.race([turn, poll]);
  enough.abort();
  await poll;
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
