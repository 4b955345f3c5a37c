import type { Config } from "../config/config.ts";
import { readLockfile } from "@assay/verify/node";
import type { Clock } from "../platform/clock.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { MirrorReport } from "./mirror.ts";
import type { Selection } from "./selection.ts";
import { parseWanted } from "./wants.ts";

export interface FollowDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly mirror: (selection: Selection) => Promise<MirrorReport>;
}

/**
 * Mirrors what the configuration names, run after run, until the signal is aborted. The lockfiles are read each time. A
 * run that fails is told of and the next one comes in its time; a restart goes on with a run that was cut off.
 */
export async function follow(
  { clock, telemetry, mirror }: FollowDeps,
  { names, lockfiles, everyMinutes }: Config["mirror"],
  signal: AbortSignal,
): Promise<void> {
  if (names.length === 0 && lockfiles.length === 0) return;
  while (!signal.aborted) {
    try {
      const report = await mirror({
        names: names.map(parseWanted),
        used: false,
        lockfiles: await Promise.all(lockfiles.map(readLockfile)),
        versions: names.length === 0 ? "locked" : "latest",
        dependencies: false,
      });
      tell(telemetry, report);
    } catch (error) {
      telemetry.log.error("the mirror run failed", { error });
    }
    await clock.sleep(everyMinutes * 60_000, signal).catch(() => {});
  }
}

function tell({ log }: Telemetry, { outcome, releases, sizeBytes, missing }: MirrorReport): void {
  const fields = { "mirror.releases": releases, "mirror.sizeBytes": sizeBytes };
  if (outcome === "complete") log.info("the mirror run is complete", fields);
  if (outcome === "incomplete")
    log.warn("the mirror run could not have everything", { ...fields, "mirror.missing": missing.slice(0, 20) });
}
