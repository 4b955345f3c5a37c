import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { writeUse } from "./store.ts";

/** When and from where tokens were used last, written together now and then: a request costs nothing. */
export interface LastUse {
  note(key: string, address: string): void;
  /** Writes what was noted since. A crash loses that: it is a convenience for people, and proof of nothing. */
  flush(): Promise<void>;
}

/** A token that is used all the time is written this often at most. */
const intervalMs = 60_000;

export function createLastUse({ database, clock }: { readonly database: Database; readonly clock: Clock }): LastUse {
  let noted = new Map<string, { readonly atMs: number; readonly address: string }>();
  const written = new Map<string, number>();
  return {
    note(key, address) {
      const atMs = clock.now();
      if (atMs - (written.get(key) ?? 0) >= intervalMs) noted.set(key, { atMs, address });
    },
    async flush() {
      const batch = noted;
      noted = new Map();
      if (batch.size === 0) return;
      await database.write(async (transaction) => {
        for (const [key, { atMs, address }] of batch) await writeUse(transaction, key, atMs, address);
      });
      const nowMs = clock.now();
      for (const [key, atMs] of written) if (nowMs - atMs >= intervalMs) written.delete(key);
      for (const [key, { atMs }] of batch) written.set(key, atMs);
    },
  };
}
