import type { EpochMs, PackageName, Version } from "@assay/core";
import type { Checksums } from "../checksums/checksums.ts";
import { createByteCache } from "../platform/cache.ts";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import { actOfTerminal, type Events } from "../platform/events/events.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { RegistrySigning } from "../signing/signing.ts";
import { decide, refusalOf, unpublishedRefusal, type Refusal } from "./decide.ts";
import { auditRefusal, examinedVersions, type Auditing } from "./examined.ts";
import type { BoundRelease, Gate, PackageState, Releases } from "./releases.ts";
import { sight } from "./sight.ts";
import { recordSighted } from "./sighted.ts";
import {
  addReleases,
  changedSince,
  generationOf,
  newestGeneration,
  raiseGeneration,
  releasesOf,
  setFreed,
  setGone,
} from "./store.ts";
import { auditsOf, replaceAudit } from "./store-audits.ts";

export interface ReleasesDeps {
  readonly database: Database;
  readonly checksums: Pick<Checksums, "bindsOf" | "claimConflict" | "claimSeen" | "claimSighting" | "claimTag">;
  readonly signing: Pick<RegistrySigning, "signaturesFor">;
  readonly events: Events;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** What a registry is limited to. */
export interface ReleaseLimit {
  /** Of everything else. */
  readonly refusal: Refusal;
  allows(name: PackageName): boolean | Promise<boolean>;
}

export interface ReleasesOptions {
  /** `removed.refuseWithinHours` of the configuration. */
  readonly refuseWithinHours: number;
  /** `log.seen` of the configuration: which sighted versions are recorded in the log. Default: off. */
  readonly seen?: "off" | "bound-names" | "all";
  /** Who must have examined a package's versions; undefined: nobody. Default: nobody, for every package. */
  readonly auditingOf?: (name: PackageName) => Auditing | undefined;
  /** What the registry is limited to: the gate refuses all other packages, whatever the tables say. Default: no limit. */
  readonly limit?: ReleaseLimit | undefined;
  /** Names that live here: what is gone of them was unpublished. Default: none. */
  readonly isHosted?: (name: PackageName) => boolean;
  /** Bytes of package state held in memory. Default 16 MiB. */
  readonly memoryBytes?: number;
}

/** How often other processes' changes are looked for. */
const pollMs = 1000;

/**
 * The state of every release (`releases.ts`). Many processes may share one database: a change by one is
 * noticed by the others within a second while `run` runs.
 */
export function createReleases(deps: ReleasesDeps, options: ReleasesOptions): Releases {
  const { database, checksums, signing, events, clock, telemetry } = deps;
  const refuseWithinMs = options.refuseWithinHours * 3_600_000;
  const { seen = "off" } = options;
  const auditingOf = options.auditingOf ?? (() => undefined);
  const { isHosted = () => false } = options;
  const states = createByteCache<PackageState>({
    maxBytes: options.memoryBytes ?? 16 * 1024 * 1024,
    sizeOf: sizeOfState,
  });
  const loads = new Map<PackageName, Promise<PackageState>>();
  /** Newest generation before anything was loaded: what `run` must look at changes from. */
  let start: Promise<number> | undefined;

  async function load(name: PackageName): Promise<PackageState> {
    start ??= newestGeneration(database.read);
    await start;
    // The generation first: a change after this read has a higher one and drops what is built here.
    const { generation, changedAtMs } = await generationOf(database.read, name);
    const binds = await checksums.bindsOf(name);
    const rows = await releasesOf(database.read, name);
    const auditing = auditingOf(name);
    const audits = auditing === undefined ? [] : await auditsOf(database.read, name);
    const refused = new Map<Version, { readonly rule: string; readonly reason: string }>();
    if (auditing !== undefined) {
      for (const version of new Set([...rows.map((row) => row.version), ...binds.keys()])) {
        const refusal = auditRefusal(auditing, audits, version, binds.get(version)?.integrity);
        if (refusal !== undefined) refused.set(version, refusal);
      }
    }
    const firstSeenMs = new Map<Version, EpochMs>();
    for (const row of rows) {
      firstSeenMs.set(row.version, row.firstSeenMs as EpochMs);
      const refusal = isHosted(name) ? unpublishedRefusal(row) : refusalOf(row, refuseWithinMs);
      if (refusal !== undefined) refused.set(row.version, refusal);
    }
    const signatures = await signing.signaturesFor(name, [...binds.values()]);
    const releases = new Map<Version, BoundRelease>();
    for (const [version, bind] of binds) {
      const { integrity, sizeBytes, manifest } = bind;
      releases.set(version, { name, version, integrity, sizeBytes, manifest, signature: signatures.get(version) });
    }
    const examined = auditing === undefined ? undefined : examinedVersions(auditing, audits);
    return { generation, changedAtMs, binds: releases, refused, firstSeenMs, examined };
  }

  function packageState(name: PackageName): Promise<PackageState> | PackageState {
    const held = states.get(name);
    if (held !== undefined) return held;
    const running = loads.get(name);
    if (running !== undefined) return running;
    const started: Promise<PackageState> = load(name)
      .then((state) => {
        // `changed` takes a load off the map: what it read may be from before the change, so it is not kept.
        if (loads.get(name) === started) states.set(name, state);
        return state;
      })
      .finally(() => {
        if (loads.get(name) === started) loads.delete(name);
      });
    loads.set(name, started);
    return started;
  }

  function gateOf(state: PackageState, version: Version): Gate {
    return decide(state.binds.get(version), state.refused.get(version));
  }

  function stateGate(name: PackageName, version: Version): Promise<Gate> | Gate {
    const state = packageState(name);
    return state instanceof Promise ? state.then((loaded) => gateOf(loaded, version)) : gateOf(state, version);
  }

  function changed(name: PackageName): void {
    states.delete(name);
    loads.delete(name);
  }

  return {
    packageState,
    changed,
    gate(name, version) {
      const { limit } = options;
      if (limit === undefined) return stateGate(name, version);
      const allowed = limit.allows(name);
      const pass = (isAllowed: boolean): Promise<Gate> | Gate =>
        isAllowed ? stateGate(name, version) : { verdict: "refuse", ...limit.refusal };
      return allowed instanceof Promise ? allowed.then(pass) : pass(allowed);
    },
    async sight(transaction, sighting) {
      const outcome = await sight({ checksums, events, seen }, transaction, sighting);
      transaction.afterCommit(() => changed(sighting.name));
      return outcome;
    },
    // What was sighted while the setting was on is still written: it is on its way.
    recordSighted: (signal) => recordSighted(deps, signal),
    async published(transaction, name, version) {
      const atMs = clock.now();
      await addReleases(transaction, name, [{ version, firstSeenMs: atMs, firstContact: false, publishedMs: atMs }]);
      await raiseGeneration(transaction, name);
      transaction.afterCommit(() => changed(name));
    },
    async unpublished(transaction, name, version) {
      const atMs = clock.now();
      await setGone(transaction, name, [version], atMs);
      await raiseGeneration(transaction, name, atMs);
      transaction.afterCommit(() => changed(name));
    },
    async raise(transaction, name) {
      await raiseGeneration(transaction, name);
      transaction.afterCommit(() => changed(name));
    },
    async takeAudit(name, auditor, versions) {
      return database.write(async (transaction) => {
        const before = (await auditsOf(transaction, name)).filter((row) => row.auditor === auditor);
        const isSame =
          before.length === versions.size &&
          before.every(({ version, integrity }) => versions.get(version) === integrity);
        if (isSame) return false;
        await replaceAudit(transaction, name, auditor, versions);
        await raiseGeneration(transaction, name, clock.now());
        transaction.afterCommit(() => changed(name));
        return true;
      });
    },
    async free(name, version) {
      return database.write(async (transaction) => {
        const row = (await releasesOf(transaction, name)).find((candidate) => candidate.version === version);
        if (row === undefined || refusalOf(row, refuseWithinMs) === undefined) return false;
        const now = clock.now();
        await setFreed(transaction, name, version, now);
        await events.record(transaction, {
          kind: "version.freed",
          subject: `npm ${name}@${version}`,
          data: {},
          act: actOfTerminal,
        });
        await raiseGeneration(transaction, name, now);
        transaction.afterCommit(() => changed(name));
        return true;
      });
    },
    async run(signal, onChanges) {
      start ??= newestGeneration(database.read);
      let seen = await start;
      while (!signal.aborted) {
        try {
          await clock.sleep(pollMs, signal);
          const changes = await changedSince(database.read, seen);
          for (const change of changes) {
            changed(change.name);
            seen = change.generation;
          }
          if (changes.length > 0) onChanges?.();
        } catch (error) {
          if (signal.aborted) return;
          telemetry.log.warn("cannot look for changes of other processes", { "error.message": String(error) });
        }
      }
    },
  };
}

/** About what a state holds in memory: a bind with its signature some 700 bytes, a time some 120. */
function sizeOfState(state: PackageState): number {
  return 300 + state.binds.size * 700 + state.firstSeenMs.size * 120 + state.refused.size * 300;
}
