import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";
import type { Database, Transaction } from "../../platform/database/database.ts";
import { addressBlock, type RateLimit } from "../limits/limits.ts";
import { addFailure, deleteFailures, deleteOldFailures, readFailures } from "./store-failures.ts";

/**
 * Slows down who guesses passwords: attempts of one place by a bucket in memory, failures for one name by a count that
 * outlives the process and every other process sees. A place that failed waits longer each time; from everywhere
 * together a name can be tried some times an hour, so that nobody can lock a person out from one place.
 */
export interface PasswordGuard {
  /** Throws TOO_MANY_REQUESTS: then nothing is compared. The same for names that do not exist. */
  admit(name: string, address: string): Promise<void>;
  /** In a transaction of the caller's. */
  failed(transaction: Transaction, name: string, address: string): Promise<void>;
  succeeded(name: string, address: string): Promise<void>;
  /** Forgets failures that count no longer. */
  tidy(): Promise<void>;
}

/** Failures that cost nothing: people mistype. */
const free = { here: 5, everywhere: 50 };
const longestWaitMs = { here: 15 * 60_000, everywhere: 60_000 };
/** After this time without another failure it begins anew. */
const memoryMs = 24 * 3_600_000;

export function createPasswordGuard({
  database,
  clock,
  attempts,
}: {
  readonly database: Database;
  readonly clock: Clock;
  /** By address block. */
  readonly attempts: RateLimit;
}): PasswordGuard {
  return {
    async admit(name, address) {
      attempts.take(addressBlock(address));
      const { here, everywhere } = subjectsOf(name, address);
      const known = await readFailures(database.read, [here, everywhere]);
      const nowMs = clock.now();
      const waits = [
        [known.get(here), free.here, longestWaitMs.here] as const,
        [known.get(everywhere), free.everywhere, longestWaitMs.everywhere] as const,
      ].map(([failures, without, longest]) =>
        failures === undefined || nowMs - failures.lastAtMs > memoryMs
          ? 0
          : failures.lastAtMs + waitMs(failures.failures - without, longest) - nowMs,
      );
      const wait = Math.max(...waits);
      if (wait > 0) throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds: Math.ceil(wait / 1000) });
    },
    async failed(transaction, name, address) {
      const nowMs = clock.now();
      const { here, everywhere } = subjectsOf(name, address);
      await addFailure(transaction, here, nowMs, nowMs - memoryMs);
      await addFailure(transaction, everywhere, nowMs, nowMs - memoryMs);
    },
    async succeeded(name, address) {
      attempts.giveBack(addressBlock(address));
      const { here } = subjectsOf(name, address);
      // Only what failed here: a success must not free whoever guesses elsewhere.
      const known = await readFailures(database.read, [here]);
      if (known.size > 0) await database.write((transaction) => deleteFailures(transaction, [here]));
    },
    async tidy() {
      const beforeMs = clock.now() - memoryMs;
      await database.write((transaction) => deleteOldFailures(transaction, beforeMs));
    },
  };
}

/** 1 s after the first failure that counts, then twice as long each time. */
function waitMs(counting: number, longest: number): number {
  return counting <= 0 ? 0 : Math.min(longest, 1000 * 2 ** Math.min(counting - 1, 30));
}

function subjectsOf(name: string, address: string): { readonly here: string; readonly everywhere: string } {
  return { here: `${name} ${addressBlock(address)}`, everywhere: name };
}
