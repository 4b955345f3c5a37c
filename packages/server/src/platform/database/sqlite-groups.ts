import { AsyncLocalStorage } from "node:async_hooks";
import { AssayError } from "@assay/core";
import { attempt, runHooks, type Outcome, type WriteContext } from "./attempt.ts";
import { databaseError, type Execute } from "./executor.ts";
import type { Database, Transaction } from "./database.ts";
import type { SqliteLink } from "./sqlite-link.ts";

/** Callbacks that may share one commit; keeps the first of a group from waiting long for the last. */
const groupSize = 512;

interface Queued {
  /** Runs the callback, in the async context of its caller. Never rejects. */
  attempt(): Promise<{ readonly ok: boolean }>;
  /** After the commit: tells the caller what the callback did. */
  settle(): void;
  /** After a failed commit. */
  reject(error: Error): void;
}

export interface Groups {
  readonly write: Database["write"];
  /** Takes no more writes and resolves when those queued have ended. */
  drained(): Promise<void>;
  /** Ends the writing thread; after `drained`. */
  close(): Promise<void>;
}

/**
 * Group commit. Callbacks run one after the other, each in a savepoint, in one BEGIN IMMEDIATE; those that
 * arrive meanwhile join. When none is left, or the group is full, one COMMIT makes all of them durable; only
 * then their callers hear. The next group starts when the commit has ended: no timer, so a lone write waits
 * for nothing and a thousand share a sync.
 */
export function createGroups(link: SqliteLink, context: WriteContext): Groups {
  let queue: Queued[] = [];
  let draining: Promise<void> | undefined;
  let closed = false;
  const execute: Execute = async (query) => {
    const { rows, changes } = await link.run(query.sql, query.parameters);
    return { rows, numAffectedRows: BigInt(changes) };
  };

  async function runGroup(): Promise<void> {
    const group: Queued[] = [];
    link.begin();
    for (let next = 0; next < queue.length && group.length < groupSize; next += 1) {
      const queued = queue[next];
      if (queued === undefined) break;
      group.push(queued);
      link.savepoint();
      const { ok } = await queued.attempt();
      if (ok) link.release();
      else link.rollbackToSavepoint();
    }
    queue = queue.slice(group.length);
    try {
      await link.commit();
    } catch (error) {
      const failure = databaseError(error);
      for (const queued of group) queued.reject(failure);
      return;
    }
    for (const queued of group) queued.settle();
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) await runGroup();
    draining = undefined;
  }

  function write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    context.assertOutside("`write`");
    if (closed) return Promise.reject(new AssayError("DATABASE", { reason: "a write after the database was closed" }));
    const inCallersContext = AsyncLocalStorage.snapshot();
    return new Promise<T>((resolve, reject) => {
      let outcome: Outcome<T> | undefined;
      queue.push({
        async attempt() {
          outcome = await inCallersContext(() => attempt("sqlite", context, execute, work));
          return outcome;
        },
        settle() {
          if (outcome?.ok === true) {
            inCallersContext(runHooks, outcome.hooks);
            resolve(outcome.value);
          } else reject(outcome?.error);
        },
        reject,
      });
      draining ??= drain();
    });
  }

  return {
    write,
    async drained() {
      closed = true;
      await draining;
    },
    close: () => link.close(),
  };
}
