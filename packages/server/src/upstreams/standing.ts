import type { PackageName, Version } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import { actOfTerminal, type Events } from "../platform/events/events.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Sources } from "./sources.ts";
import { readAside, removeAside, replaceAside, type AsideRow } from "./store-sources.ts";

/** A mirror that served something else than it had to, and is left alone for a while. */
export interface PutAside {
  readonly source: string;
  readonly strikes: number;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly reason: string;
  readonly name: PackageName;
  readonly version: Version;
}

/** How sources behaved: what lied is put aside, for every process and across restarts; what failed waits a moment. */
export interface Standing {
  /** Mirrors that are put aside now. At most a second old. */
  aside(): Promise<ReadonlyMap<string, PutAside>>;
  /** As `aside` last read it, for answers without a wait. */
  isAside(alias: string): boolean;
  /**
   * Puts a mirror aside: longer each time, from 10 minutes to a day; a week without is forgiven. A registry is never
   * put aside: nobody else can say what its names are. Part of the caller's transaction.
   */
  putAside(transaction: Transaction, lie: Lie): Promise<void>;
  /** Brings a mirror back before its time. False when it was not put aside. */
  restore(alias: string): Promise<boolean>;
  /** It could not be reached, was too slow or broke off: others are asked before it, for longer each time in a row. */
  failed(alias: string): void;
  delivered(alias: string): void;
  isCooling(alias: string): boolean;
}

export interface Lie {
  readonly source: string;
  readonly name: PackageName;
  readonly version: Version;
  /** One sentence without a full stop. */
  readonly reason: string;
}

interface StandingDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly events: Events;
  readonly telemetry: Telemetry;
}

const minuteMs = 60_000;
const asideMs = [10 * minuteMs, 60 * minuteMs, 6 * 60 * minuteMs, 24 * 60 * minuteMs] as const;
const forgivenMs = 7 * 24 * 60 * minuteMs;
const readAgainMs = 1000;
const coolingMs = 10_000;
const longestCoolingMs = 5 * minuteMs;

export function createStanding(deps: StandingDeps, sources: Pick<Sources, "named" | "all">): Standing {
  const { database, clock, events, telemetry } = deps;
  const gauge = telemetry.metrics.gauge(
    "assay_upstream_put_aside",
    "1 for a mirror that served something wrong and is not asked, else 0.",
    ["upstream"],
  );
  let rows: readonly AsideRow[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  const cooling = new Map<string, { readonly untilMs: number; readonly inRow: number }>();

  async function refresh(): Promise<void> {
    rows = await readAside(database.read);
    readAtMs = clock.monotonicMs();
    const now = current();
    for (const { config } of sources.all) {
      if (config.kind === "mirror") gauge.set(now.has(config.name) ? 1 : 0, { upstream: config.name });
    }
  }

  /** Rows of sources that are still the same place and whose time is not over. */
  function current(): ReadonlyMap<string, PutAside> {
    const nowMs = clock.now();
    const standing = rows.filter(
      (row) => row.until_ms > nowMs && sources.all.some(({ config }) => isSame(row, config)),
    );
    return new Map(standing.map((row) => [row.alias, inWords(row)]));
  }

  return {
    async aside() {
      if (clock.monotonicMs() - readAtMs >= readAgainMs) await refresh();
      return current();
    },
    isAside: (alias) => current().has(alias),
    async putAside(transaction, { source, name, version, reason }) {
      const { config } = sources.named(source);
      if (config.kind !== "mirror") return;
      const nowMs = clock.now();
      const before = (await readAside(transaction)).find((row) => isSame(row, config));
      // Many downloads find out at the same time: that is one lie.
      if (before !== undefined && before.until_ms > nowMs) return;
      const strikes = before === undefined || nowMs - before.since_ms > forgivenMs ? 1 : before.strikes + 1;
      const untilMs = nowMs + (asideMs[Math.min(strikes, asideMs.length) - 1] ?? 0);
      await replaceAside(transaction, {
        alias: source,
        url: config.url,
        strikes,
        since_ms: nowMs,
        until_ms: untilMs,
        reason,
        name,
        version,
      });
      await events.record(transaction, {
        kind: "upstream.put-aside",
        subject: `upstream ${source}`,
        data: { name, version, reason, strikes, untilMs },
      });
      transaction.afterCommit(() => {
        readAtMs = Number.NEGATIVE_INFINITY;
        telemetry.log.error(`the mirror ${source} served wrong bytes of ${name}@${version} and is put aside`, {
          "upstream.name": source,
          "package.name": name,
          "package.version": version,
          "aside.until": new Date(untilMs).toISOString(),
          "aside.strikes": strikes,
          "failure.detail": reason,
        });
      });
    },
    async restore(alias) {
      const isRestored = await database.write(async (transaction) => {
        if (!(await removeAside(transaction, alias))) return false;
        await events.record(transaction, {
          kind: "upstream.restored",
          subject: `upstream ${alias}`,
          data: {},
          act: actOfTerminal,
        });
        return true;
      });
      readAtMs = Number.NEGATIVE_INFINITY;
      return isRestored;
    },
    failed(alias) {
      const nowMs = clock.monotonicMs();
      const before = cooling.get(alias);
      // Many requests find out at the same time: that is one failure.
      if (before !== undefined && before.untilMs > nowMs) return;
      const inRow = (before?.inRow ?? 0) + 1;
      cooling.set(alias, { inRow, untilMs: nowMs + Math.min(coolingMs * 2 ** (inRow - 1), longestCoolingMs) });
    },
    delivered: (alias) => void cooling.delete(alias),
    isCooling: (alias) => (cooling.get(alias)?.untilMs ?? 0) > clock.monotonicMs(),
  };
}

function isSame(row: AsideRow, config: { readonly name: string; readonly url: string }): boolean {
  return row.alias === config.name && row.url === config.url;
}

function inWords(row: AsideRow): PutAside {
  return {
    source: row.alias,
    strikes: row.strikes,
    sinceMs: row.since_ms,
    untilMs: row.until_ms,
    reason: row.reason,
    name: row.name as PackageName,
    version: row.version as Version,
  };
}
