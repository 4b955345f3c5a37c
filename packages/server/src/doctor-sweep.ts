/** What `assay doctor` says of the sweep. */
import type { Config } from "./config/config.ts";
import { failed, fine, warning, type DoctorFinding } from "./doctor-finding.ts";
import type { Clock } from "./platform/clock.ts";
import type { Reader } from "./platform/database/database.ts";
import { readWalk, type WalkState } from "./sweep/store.ts";

const walks = ["blobs", "listings", "samples"] as const;
const minuteMs = 60_000;
/** Nothing looked at for so many passes: no server runs, or it hangs. */
const passesMissed = 3;

/** When everything was looked at last, and whether the budgets suffice. */
export async function* checkSweep(
  { clock, read }: { readonly clock: Clock; readonly read: Reader },
  { sweep }: Pick<Config, "sweep">,
): AsyncGenerator<DoctorFinding, void, undefined> {
  if (sweep.everyMinutes === 0) {
    yield warning("sweep", "Nothing is looked after (sweep.everyMinutes is 0).", "Set it, so that tampering is found.");
    return;
  }
  for (const walk of walks) {
    const state = await readWalk(read, walk);
    yield state === undefined
      ? fine("sweep", `The sweep of ${walk} begins with the next assay serve.`)
      : judge(walk, state, clock, sweep);
  }
}

function judge(walk: string, state: WalkState, clock: Clock, { everyMinutes }: Config["sweep"]): DoctorFinding {
  const passMs = everyMinutes * minuteMs;
  const { last, done, total, startedAtMs } = state;
  const sinceMs = clock.now() - (last?.endedAtMs ?? startedAtMs);
  const took = last === undefined ? undefined : last.endedAtMs - last.startedAtMs;
  const when =
    last === undefined ? "not everything was looked at yet" : `everything was looked at ${minutes(sinceMs)} ago`;
  const words = `The sweep of ${walk}: ${when}, ${done} of ${total} in this pass.`;
  if (took !== undefined && took > 2 * passMs)
    return warning(
      "sweep",
      `${words} A pass took ${minutes(took)}, wanted are ${everyMinutes} min.`,
      "Raise its budget (sweep.* in assay.yaml), or sweep.everyMinutes.",
    );
  if (sinceMs > passesMissed * Math.max(passMs, took ?? 0) && done < total)
    return failed("sweep", words, "Is the server running? Its log says what stops the sweep.");
  return fine("sweep", words);
}

function minutes(ms: number): string {
  return `${Math.round(ms / minuteMs)} min`;
}
