import { noWitnesses } from "@assay/core";
import type { WitnessPolicy } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Telemetry } from "../../platform/telemetry/telemetry.ts";
import type { SeenElsewhere, SeenTree } from "../start.ts";
import type { AskedWitness } from "./ask.ts";
import { readWitness } from "./seen.ts";

/** Whom this log asks for cosignatures, and what its public checkpoints must meet. */
export interface LogWitnesses {
  readonly policy: WitnessPolicy;
  readonly witnesses: readonly AskedWitness[];
  /** Longest wait for one witness, ms. */
  readonly timeoutMs: number;
  /** Least time between two rounds, ms. */
  readonly intervalMs: number;
  /** After this time an open shard's checkpoint is cosigned again, ms. */
  readonly refreshMs: number;
}

/** Nobody is asked. */
export const noLogWitnesses: LogWitnesses = {
  policy: noWitnesses,
  witnesses: [],
  timeoutMs: 0,
  intervalMs: 0,
  refreshMs: 0,
};

/** Whether a checkpoint must be cosigned before readers see it. */
export function isCosignatureNeeded({ quorum }: WitnessPolicy): boolean {
  return quorum !== "none";
}

/** What the witnesses have seen of a shard, all asked at once. Who cannot be asked is named in the log and left out. */
export function seenByWitnesses(
  deps: { readonly clock: Clock; readonly telemetry: Telemetry },
  { witnesses, timeoutMs }: Pick<LogWitnesses, "witnesses" | "timeoutMs">,
): SeenElsewhere {
  return async (shard) => {
    const views = await Promise.all(
      witnesses.map(async (witness) => ({ witness, view: await readWitness(deps, witness, shard, timeoutMs) })),
    );
    return views.flatMap(({ witness, view }): SeenTree[] => {
      if (view.outcome === "seen") return [view.tree];
      if (view.outcome === "unreachable")
        deps.telemetry.log.warn("a witness cannot be asked what it has seen of the log; the start goes on without it", {
          "witness.name": witness.name,
          "log.origin": shard.origin,
          reason: view.reason,
        });
      return [];
    });
  };
}
