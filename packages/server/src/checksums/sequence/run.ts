import { isAssayError } from "@assay/core";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { Signing } from "../../signing/signing.ts";
import type { Bell } from "../bell.ts";
import { headOf } from "../store-shards.ts";
import type { Shard } from "../store-shards.ts";
import { createSequencer, isFinal } from "./sequencer.ts";
import type { SequenceDependencies } from "./steps.ts";

export interface RunOptions {
  readonly shards: readonly Shard[];
  readonly signing: Signing;
  /** Rings when claims were committed. */
  readonly claimed: Bell;
  readonly telemetry: Telemetry;
}

/** Pause after a commit that failed for a reason that may pass. */
const retryMs = 1000;

/**
 * Sequences every shard that is open or was left unfinished, until the signal is aborted; the commit under way is
 * finished first. There is no timer: the next commit takes whatever was claimed while the last one ran.
 *
 * Rejects when one shard must stop (LOG_FENCED, LOG_GUARD); the others stop too.
 */
export async function runSequencers(
  deps: SequenceDependencies,
  options: RunOptions,
  signal: AbortSignal,
): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const runs = options.shards.map(async (shard) => {
    try {
      await runShard(deps, options, { shard, stop });
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  const results = await Promise.allSettled(runs);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function runShard(
  deps: SequenceDependencies,
  { signing, claimed, telemetry }: RunOptions,
  { shard, stop }: { readonly shard: Shard; readonly stop: AbortSignal },
): Promise<void> {
  if (shard.state === "frozen" && (await isFinished(deps, shard))) return;
  const signer = await signing.checkpointSigner(shard.origin, shard.vkey);
  const sequencer = createSequencer(deps, shard, signer);
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  let isSequencer = false;
  while (!stop.aborted) {
    // Taken before looking: a claim that is committed meanwhile rings this turn.
    const turn = claimed.next();
    try {
      if (!isSequencer) await sequencer.takeOver();
      isSequencer = true;
      if ((await sequencer.commit()) !== "idle") continue;
    } catch (error) {
      if (isFinal(error)) {
        await reportFinal(deps, telemetry, shard, error);
        throw error;
      }
      deps.instruments.failures.add(1, { shard: shard.id });
      telemetry.log.error("a commit of the log failed and is tried again", {
        "log.shard": shard.id,
        "retry.ms": retryMs,
        error,
      });
      await deps.clock.sleep(retryMs, stop).catch(() => {});
      continue;
    }
    await Promise.race([turn, stopped]);
  }
}

async function isFinished(deps: SequenceDependencies, shard: Shard): Promise<boolean> {
  const head = await headOf(deps.database.read, shard.id);
  return head !== undefined && head.note !== undefined && head.assignedSize === head.size;
}

async function reportFinal(
  deps: SequenceDependencies,
  telemetry: Telemetry,
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
