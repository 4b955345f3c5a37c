import type { Clock } from "../platform/clock.ts";
import type { Database, Transaction } from "../platform/database/database.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { Anchor, AuditEntry } from "./entry.ts";
import { appendFromOutbox, hasNews, newestEntry, readEntries, type AuditFilter } from "./store.ts";

export interface AuditDeps {
  readonly database: Database;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, "log">;
  /**
   * Writes into the checksum database how far the trail has come; false when that stands there already. Throws when
   * something else stands there.
   */
  readonly anchor: (transaction: Transaction, anchor: Anchor) => Promise<boolean>;
}

export interface AuditTrail {
  /** Writes down what happened, and anchors it, until aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Writes down what happened until now. */
  catchUp(): Promise<void>;
  /** Anchors what is written down. */
  anchorNow(): Promise<void>;
  /** Newest first, or with `after` oldest first. At most 1,000. */
  list(filter: AuditFilter, limit: number): Promise<readonly AuditEntry[]>;
  /** Everything from the first one on. */
  all(): AsyncIterable<AuditEntry>;
}

const pollMs = 1000;
/** What happened is under a signed checkpoint of the log at most this much later, and what it costs is one record. */
const anchorEveryMs = 300_000;
const mostListed = 1000;

/** The audit trail: what the outbox says was done, as a hash chain whose end stands in the checksum database. */
export function createAuditTrail({ database, clock, telemetry, anchor }: AuditDeps): AuditTrail {
  const list: AuditTrail["list"] = (filter, limit) => readEntries(database.read, filter, Math.min(limit, mostListed));
  const trail: AuditTrail = {
    async catchUp() {
      while (await hasNews(database.read, clock.now()))
        if ((await database.write((transaction) => appendFromOutbox(transaction, clock.now()))) === 0) return;
    },
    async anchorNow() {
      await database.write(async (transaction) => {
        const newest = await newestEntry(transaction);
        if (newest !== undefined) await anchor(transaction, { acts: newest.seq, chain: newest.hash });
      });
    },
    async run(signal) {
      // At the start too, so that what was done before a short life of the process is not left behind.
      let anchoredAtMs = -Infinity;
      while (!signal.aborted) {
        try {
          await trail.catchUp();
          if (clock.monotonicMs() - anchoredAtMs >= anchorEveryMs) {
            anchoredAtMs = clock.monotonicMs();
            await trail.anchorNow();
          }
        } catch (error) {
          telemetry.log.error("the audit trail cannot be written", { error });
        }
        await clock.sleep(pollMs, signal).catch(() => undefined);
      }
    },
    list,
    async *all() {
      for (let after = 0; ;) {
        const entries = await list({ ...everything, after }, mostListed);
        yield* entries;
        const last = entries.at(-1);
        if (last === undefined) return;
        after = last.seq;
      }
    },
  };
  return trail;
}

const everything: AuditFilter = {
  organisation: undefined,
  who: undefined,
  kind: undefined,
  fromMs: undefined,
  untilMs: undefined,
  after: undefined,
  before: undefined,
};
