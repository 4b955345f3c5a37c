import { evidenceFormat } from "@assay/verify";
import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/database/database.ts";
import type { UpstreamClient } from "../platform/network/network.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import { createGossip, type Gossip } from "../witnessing/witnessing.ts";
import { checkLog, type LogOutcome } from "./check-log.ts";
import { createFindings } from "./findings.ts";
import { createMonitorInstruments } from "./instruments.ts";
import { openLineage, type Lineage, type MonitoredLog } from "./lineage.ts";
import { checkOwnReleases } from "./own-releases.ts";
import { sampleRegistry, type SampleOutcome } from "./sample.ts";
import type { Expected, OwnScopes } from "./scopes.ts";
import { findingsAfter, type StoredFinding } from "./store-findings.ts";
import { markShard, shardWithOrigin } from "./store.ts";
import { postFindings, runWebhooks } from "./webhooks.ts";

export { findingDocument } from "./finding-document.ts";
export type { LogOutcome } from "./check-log.ts";
export type { MonitoredLog } from "./lineage.ts";
export { monitorMigrations } from "./migrations.ts";
export type { SampleOutcome } from "./sample.ts";
export { parseExpected, parseScopes, type Expected, type OwnScopes } from "./scopes.ts";
export type { StoredFinding } from "./store-findings.ts";

/** A third party that reads logs whole, and says what no good log does. */
export interface Monitor {
  /**
   * One look at every log: what is new is proven and checked, own releases are held against what CI published, and so
   * many releases of the registry are sampled. What is found is kept; what was checked is never checked again.
   */
  round(signal: AbortSignal, onProgress: OnProgress): Promise<Round>;
  /** Rounds until the signal is aborted, this long apart; webhooks are called beside them. */
  run(signal: AbortSignal, intervalMs: number): Promise<void>;
  /** Posts what waits for webhooks; answers how many findings they have not taken. */
  post(signal: AbortSignal): Promise<number>;
  /** Findings with an id above this one, oldest first, at most 1,000. */
  findings(afterId: number): Promise<readonly StoredFinding[]>;
  /** Compares what anybody shows of these logs with what was proven. */
  readonly gossip: Gossip;
  readonly logs: readonly Lineage[];
}

type OnProgress = (origin: string, done: number, total: number) => void;

export interface Round {
  readonly logs: readonly { readonly origin: string; readonly outcome: LogOutcome }[];
  readonly samples: ReadonlyMap<SampleOutcome, number>;
}

export interface MonitorDependencies {
  /** With `monitorMigrations` and `gossipMigrations` run. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly fetch: typeof fetch;
  /** The registry or mirror that is sampled; undefined: none. */
  readonly registry: { readonly client: UpstreamClient; readonly host: string } | undefined;
  /** What CI published, read anew each round; undefined: nobody says. */
  readonly readExpected: (() => Promise<Expected>) | undefined;
}

export interface MonitorOptions {
  readonly logs: readonly MonitoredLog[];
  readonly scopes: OwnScopes;
  /** How long CI may take to tell of a release. */
  readonly expectedGraceMs: number;
  /** Releases of the registry that a round samples. */
  readonly samplesPerRound: number;
  readonly webhooks: readonly string[];
  readonly evidenceFolder: string;
}

/** Opens a monitor: its logs are put on record. Nobody is asked before a round. */
export async function createMonitor(deps: MonitorDependencies, options: MonitorOptions): Promise<Monitor> {
  const { database, clock, telemetry } = deps;
  const instruments = createMonitorInstruments(telemetry.metrics);
  const findings = await createFindings({ database, clock, telemetry }, options);
  const logs = await Promise.all(options.logs.map((log) => openLineage(deps, log)));

  async function sampleRound(signal: AbortSignal): Promise<ReadonlyMap<SampleOutcome, number>> {
    const samples = new Map<SampleOutcome, number>();
    const { registry } = deps;
    if (registry === undefined) return samples;
    const shards = (await Promise.all(logs.map((log) => log.shards()))).flat();
    const catchUp = (): Promise<unknown> => check(signal, () => {});
    for (let i = 0; i < options.samplesPerRound; i += 1) {
      signal.throwIfAborted();
      const outcome = await sampleRegistry(
        { ...deps, findings, instruments, client: registry.client, registry: registry.host, catchUp },
        shards,
        signal,
      );
      samples.set(outcome, (samples.get(outcome) ?? 0) + 1);
      if (outcome === "nothing-to-sample") break;
    }
    return samples;
  }

  async function check(signal: AbortSignal, onProgress: OnProgress): Promise<Round["logs"]> {
    const looked = [];
    for (const log of logs) {
      const { origin } = log;
      const outcome = await checkLog(
        { database, clock, telemetry, findings, instruments, scopes: options.scopes },
        log,
        signal,
        (done, total) => onProgress(origin, done, total),
      );
      looked.push({ origin, outcome });
    }
    return looked;
  }

  async function round(signal: AbortSignal, onProgress: OnProgress): Promise<Round> {
    const looked = await check(signal, onProgress);
    if (deps.readExpected !== undefined) {
      const treeOf = async (vkey: string) => {
        for (const log of logs) {
          const tree = await log.treeOf(vkey);
          if (tree !== undefined) return tree;
        }
        return undefined;
      };
      const expected = await deps.readExpected();
      await checkOwnReleases({ database, clock, findings, treeOf }, expected, options.expectedGraceMs);
    }
    return { logs: looked, samples: await sampleRound(signal) };
  }

  const gossip = createGossip({
    database,
    clock,
    telemetry,
    find: async (origin) => {
      const found = await shardWithOrigin(database.read, origin);
      const lineage = logs.find(({ vkey }) => vkey === found?.lineage);
      if (found === undefined || lineage === undefined) return undefined;
      const { vkey, note } = found;
      return { vkey, newest: async () => note, fetchTile: lineage.fetchTile };
    },
    keepFork: async ({ origin, vkey }, fork) => {
      const sentence = `The log ${origin} signed two histories that exclude each other.`;
      const evidence = { format: evidenceFormat, kind: "fork", vkey, sentence, fork };
      await findings.add({
        rule: "fork",
        severity: "violation",
        origin,
        index: undefined,
        sentence,
        evidence,
        key: fork,
      });
      await database.write((transaction) => markShard(transaction, vkey, "is_forked"));
    },
  });

  return {
    logs,
    gossip,
    round,
    findings: (afterId) => findingsAfter(database.read, afterId, 1000),
    post: (signal) => postFindings(deps, options.webhooks, signal),

    async run(signal, intervalMs) {
      const beside = [runWebhooks(deps, options.webhooks, signal), gossip.run(signal)];
      const trouble = new Map<string, string>();
      while (!signal.aborted) {
        try {
          const { logs: looked } = await round(signal, () => {});
          for (const { origin, outcome } of looked) tell(telemetry, trouble, origin, outcome);
        } catch (error) {
          if (!signal.aborted) telemetry.log.error("a round of the monitor failed and is tried again", { error });
        }
        await clock.sleep(intervalMs, signal).catch(() => {});
      }
      await Promise.all(beside);
    },
  };
}

/** A line when a log cannot be read, and one when it can again. */
function tell(telemetry: Telemetry, trouble: Map<string, string>, origin: string, outcome: LogOutcome): void {
  const reason = outcome.outcome === "checked" ? undefined : outcome.reason;
  if (reason === undefined) {
    if (trouble.delete(origin)) telemetry.log.info("the log can be read again", { "log.origin": origin });
  } else if (trouble.get(origin) !== outcome.outcome) {
    trouble.set(origin, outcome.outcome);
    telemetry.log.warn("a log cannot be checked", { "log.origin": origin, reason });
  }
}
