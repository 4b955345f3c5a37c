import { isAssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import type { ProcessMarks } from "../../platform/process-marks.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import { giveLead, leadOf, raiseLead } from "../store-lead.ts";
import type { LeadRow } from "../store-lead.ts";

export interface LeadDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly marks: ProcessMarks;
}

export interface LeadOptions {
  /** Without a beat for this long the leader is gone. */
  readonly goneMs: number;
}

export interface LeadWork {
  /** What a process does that does not lead, until the signal is aborted. */
  readonly follow: (signal: AbortSignal) => Promise<void>;
  /** What the leader does; rejects with LOG_FENCED when another one has the lead. */
  readonly lead: (fence: number, signal: AbortSignal) => Promise<void>;
}

const lookMs = 500;

/**
 * Leads or follows until the signal is aborted: of all processes on one database one leads.
 *
 * - The leader beats in its row once a second (`run.ts`). A process that sees a leader live follows, also one that just
 *   started: a rolling restart moves the lead once for each leader that ends.
 * - Who has seen no beat for `goneMs` of its own monotonic clock takes over. No clock of two machines is compared: a
 *   beat is a number that changed. Looks that failed count for nothing, so a database that was away unseats nobody
 *   at the first look after it.
 * - A leader whose process has ended on this very machine is gone at once: after a crash the next start leads.
 * - It is taken by compare-and-swap on the row that was seen: of several one gets it, and a beat in the last moment
 *   keeps it. Killed at any point, a leader leaves rows that the next one finishes by the same steps.
 * - A leader that slept for long (paused, cut off) is fenced at its next write, and follows. What it had signed and not
 *   swapped in is dropped: both copies of the guard hold the same assigned rows, and so the same tree.
 * - A clean end gives the lead away: the next look of a follower takes it.
 *
 * On SQLite the lock of the data folder allows one process: who starts leads, and rejects when it is fenced. Else
 * rejects only with what its work rejects with, LOG_FENCED apart; then the lead is not given away, but falls with time.
 */
export async function leadOrFollow(
  deps: LeadDependencies,
  options: LeadOptions,
  { follow, lead }: LeadWork,
  signal: AbortSignal,
): Promise<void> {
  const { database, telemetry } = deps;
  while (!signal.aborted) {
    const won = new AbortController();
    const following = follow(AbortSignal.any([signal, won.signal]));
    let fence: number | undefined;
    try {
      fence = await winLead(deps, options, signal);
    } finally {
      won.abort();
      await following;
    }
    if (fence === undefined) return;
    telemetry.log.info("this process sequences the logs", { "log.lead": fence });
    try {
      await lead(fence, signal);
    } catch (error) {
      if (!isAssayError(error, "LOG_FENCED") || database.engine === "sqlite") throw error;
      telemetry.log.warn("another process has the lead of the logs; this one follows", { "log.lead": fence });
    }
    await give(deps, fence);
  }
}

/** Answers the fence when the lead is ours, undefined when the signal was aborted. */
async function winLead(
  { database, clock, telemetry, marks }: LeadDependencies,
  { goneMs }: LeadOptions,
  signal: AbortSignal,
): Promise<number | undefined> {
  let seen: { readonly row: LeadRow; readonly sinceMs: number } | undefined;
  while (!signal.aborted) {
    try {
      if (database.engine === "sqlite")
        return await database.write((transaction) => raiseLead(transaction, { mark: marks.own }));
      const row = await leadOf(database.read);
      if (seen?.row.fence !== row.fence || seen.row.beat !== row.beat) seen = { row, sinceMs: clock.monotonicMs() };
      const isDead = row.mark !== undefined && marks.isGone(row.mark);
      if (!row.isHeld || isDead || clock.monotonicMs() - seen.sinceMs >= goneMs) {
        const fence = await database.write((transaction) => raiseLead(transaction, { seen: row, mark: marks.own }));
        if (fence !== undefined) return fence;
      }
    } catch (error) {
      seen = undefined;
      telemetry.log.error("the lead of the logs could not be looked at and is tried again", {
        "retry.ms": lookMs,
        error,
      });
    }
    await clock.sleep(Math.min(lookMs, goneMs), signal).catch(() => {});
  }
  return undefined;
}

async function give({ database, telemetry }: LeadDependencies, fence: number): Promise<void> {
  try {
    await database.write((transaction) => giveLead(transaction, fence));
  } catch (error) {
    telemetry.log.warn("the lead of the logs could not be given away; others take it when no beat comes", { error });
  }
}
