import { AsyncLocalStorage } from "node:async_hooks";
import { AssayError } from "@assay/core";
import { createTransaction, databaseError, type Execute } from "./executor.ts";
import type { Database, Transaction } from "./database.ts";

/** Knows whether the code that runs now was called by a `write` callback that has not ended. */
export interface WriteContext {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Throws DATABASE inside a `write` callback. */
  assertOutside(what: string): void;
}

/** One per database: `read` and `write` inside a callback would miss its changes, or wait for itself for ever. */
export function createWriteContext(): WriteContext {
  const storage = new AsyncLocalStorage<{ open: boolean }>();
  return {
    async run(work) {
      const mark = { open: true };
      try {
        return await storage.run(mark, work);
      } finally {
        // What the callback left running (a timer, a cache being filled) is outside from here on.
        mark.open = false;
      }
    },
    assertOutside(what) {
      if (storage.getStore()?.open === true)
        throw new AssayError("DATABASE", { reason: `${what} inside a write callback; use its transaction` });
    },
  };
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T; readonly hooks: readonly (() => void)[] }
  /** `failure`: what the engine said about a statement, when that is not what the callback threw. */
  | { readonly ok: false; readonly error: unknown; readonly failure: unknown };

/**
 * Runs a `write` callback once and says whether what it did may be committed. Never throws.
 *
 * Waits for statements that the callback did not wait for; when one of its statements failed the outcome is
 * that failure, as on PostgreSQL, even if the callback caught it.
 */
export async function attempt<T>(
  engine: Database["engine"],
  context: WriteContext,
  execute: Execute,
  work: (transaction: Transaction) => Promise<T>,
): Promise<Outcome<T>> {
  const hooks: (() => void)[] = [];
  let ended = false;
  let pending = 0;
  let failure: { readonly error: unknown } | undefined;
  let quiet: (() => void) | undefined;
  const guarded: Execute = async (query) => {
    if (ended) throw new AssayError("DATABASE", { reason: "a statement after the transaction ended" });
    if (failure !== undefined)
      throw new AssayError("DATABASE", { reason: "a statement after one that failed" }, { cause: failure.error });
    pending += 1;
    try {
      return await execute(query);
    } catch (error) {
      const wrapped = databaseError(error);
      failure ??= { error: wrapped };
      throw wrapped;
    } finally {
      pending -= 1;
      if (pending === 0) quiet?.();
    }
  };
  const transaction = createTransaction(engine, guarded, (callback) => hooks.push(callback));
  try {
    const value = await context.run(() => work(transaction));
    ended = true;
    if (pending > 0) await new Promise<void>((resolve) => (quiet = resolve));
    return failure === undefined
      ? { ok: true, value, hooks }
      : { ok: false, error: failure.error, failure: failure.error };
  } catch (error) {
    ended = true;
    if (pending > 0) await new Promise<void>((resolve) => (quiet = resolve));
    return { ok: false, error, failure: failure?.error };
  }
}

/** Calls the hooks of a committed transaction, each in a microtask of its own so that none stops another. */
export function runHooks(hooks: readonly (() => void)[]): void {
  for (const hook of hooks) queueMicrotask(hook);
}
