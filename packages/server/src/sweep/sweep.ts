import type { PackageName } from "@assay/core";
import type { Admission, Damage } from "../admission/admission.ts";
import type { BoundPlace, Checksums } from "../checksums/checksums.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { Events } from "../platform/events/events.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Releases } from "../releases/releases.ts";
import type { Upstreams } from "../upstreams/upstreams.ts";
import { createBlobWalk } from "./blobs.ts";
import { createBudget } from "./budget.ts";
import { createListingWalk } from "./listings.ts";
import { createSampleWalk } from "./samples.ts";
import type { WalkState } from "./store.ts";
import { runWalk, type Walk } from "./walk.ts";

export { sweepMigrations } from "./migrations.ts";

/** Looks after what nobody asks for: stored bytes, and what the sources list and serve of bound releases. */
export interface Sweep {
  /** Walks over everything, again and again, within the configured budgets, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

export interface SweepDeps {
  readonly database: Database;
  readonly checksums: Pick<Checksums, "boundAfter" | "boundNameAfter" | "countBound">;
  readonly releases: Pick<Releases, "sight" | "packageState">;
  readonly upstreams: Pick<Upstreams, "sourcesOf" | "ownerOf" | "revalidate" | "mirrorListing">;
  readonly admission: Pick<Admission, "examine" | "compareSource">;
  readonly events: Events;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

export function createSweep(deps: SweepDeps, { sweep }: Pick<Config, "sweep">): Sweep {
  const { database, clock, events, telemetry } = deps;
  const passMs = sweep.everyMinutes * 60_000;
  const instruments = createInstruments(telemetry);
  /** Lost bytes stay lost until somebody acts: they are told of once, not in every pass. */
  const told = new Set<string>();

  async function onDamage({ name, version }: BoundPlace, damage: Damage): Promise<void> {
    const { what, found, now, reason } = damage;
    const subject = `npm ${name}@${version}`;
    const key = `${subject} ${what}`;
    if (now === "restored") told.delete(key);
    else if (found === "missing" && told.has(key)) return;
    else told.add(key);
    instruments.found.add(1, { what: found === "missing" ? `${what} missing` : `${what} damaged` });
    await database.write((transaction) =>
      events.record(transaction, { kind: "blob.damaged", subject, data: { what, found, now } }),
    );
    const fields = { "package.name": name, "package.version": version, "failure.detail": reason };
    const words = found === "missing" ? "is missing" : "was changed on disk";
    if (now === "restored")
      telemetry.log.error(`the stored ${what} of ${name}@${version} ${words}; fetched again`, fields);
    else telemetry.log.error(`the stored ${what} of ${name}@${version} ${words} and cannot be fetched again`, fields);
  }

  function onFailure(source: string, name: PackageName, reason: string): void {
    instruments.failures.add(1, { upstream: source });
    telemetry.log.debug(`the sweep cannot look at ${name}`, { "upstream.name": source, "failure.detail": reason });
  }

  const walks: readonly Walk<never>[] = [
    createBlobWalk({ ...deps, budget: createBudget(clock, sweep.bytesPerSecond), onDamage }),
    createListingWalk({
      ...deps,
      budget: createBudget(clock, sweep.requestsPerSecond),
      // A client may have had it read a moment ago.
      youngMs: passMs / 2,
      onFailure,
    }),
    createSampleWalk({
      ...deps,
      budget: createBudget(clock, sweep.sampleBytesPerSecond),
      onDifference: () => instruments.found.add(1, { what: "source bytes" }),
      onFailure,
    }),
  ] as readonly Walk<unknown>[] as readonly Walk<never>[];

  function show(walk: string, { done, total, startedAtMs, last }: WalkState): void {
    instruments.lastPass.set(last === undefined ? 0 : Math.floor(last.endedAtMs / 1000), { walk });
    const due = Math.min(1, (clock.now() - startedAtMs) / passMs) * total;
    instruments.behind.set(Math.max(0, Math.floor(due) - done), { walk });
  }

  return {
    async run(signal) {
      if (passMs === 0) return;
      await Promise.all(
        walks.map((walk) => runWalk(deps, walk, { passMs, signal, onState: (state) => show(walk.name, state) })),
      );
    },
  };
}

function createInstruments({ metrics }: Telemetry) {
  return {
    found: metrics.counter("assay_sweep_found_total", "What the sweep found that nobody asked for, by kind.", ["what"]),
    failures: metrics.counter("assay_sweep_failures_total", "Looks that failed because a source did.", ["upstream"]),
    lastPass: metrics.gauge(
      "assay_sweep_last_full_pass_seconds",
      "When everything had been looked at last, Unix time; 0 before the first pass.",
      ["walk"],
    ),
    behind: metrics.gauge("assay_sweep_items_behind", "Items that should have been looked at by now and were not.", [
      "walk",
    ]),
  };
}
