import type { Integrity, PackageName, Version } from "@assay/core";
import type { Checksums } from "../checksums/checksums.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { oldestSighted, removeSighted } from "./store-sighted.ts";

export interface SightedDeps {
  readonly database: Database;
  readonly checksums: Pick<Checksums, "bindsOf" | "claimSeen">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Records a turn, and the pause after it: 200 a second, so that a large package delays nobody's bind. */
const batchSize = 200;
const pauseMs = 1000;
/** An idle look. */
const pollMs = 5000;

/**
 * Writes sighted versions into the log as `seen` records, oldest first, until the signal is aborted; what was bound
 * meanwhile is left out, since its bind says more. A turn is one transaction: a crash repeats it, and what is claimed
 * already is claimed once.
 */
export async function recordSighted(deps: SightedDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let isIdle = true;
    try {
      isIdle = !(await recordSome(deps));
    } catch (error) {
      deps.telemetry.log.warn("sighted versions could not be recorded and are tried again", { error });
    }
    await deps.clock.sleep(isIdle ? pollMs : pauseMs, signal).catch(() => {});
  }
}

/** One turn; false when nothing waits. */
export async function recordSome({ database, checksums }: SightedDeps): Promise<boolean> {
  if ((await oldestSighted(database.read, 1)).length === 0) return false;
  return await database.write(async (transaction) => {
    const rows = await oldestSighted(transaction, batchSize);
    const last = rows.at(-1);
    if (last === undefined) return false;
    for (const [name, listed] of Map.groupBy(rows, (row) => row.name as PackageName)) {
      const binds = await checksums.bindsOf(name, transaction);
      for (const { version, integrity, manifest, source } of listed) {
        if (binds.has(version as Version)) continue;
        await checksums.claimSeen(transaction, {
          name,
          version: version as Version,
          integrity: (integrity as Integrity | undefined) ?? "-",
          manifest,
          source,
        });
      }
    }
    await removeSighted(transaction, last.id);
    return true;
  });
}
