import type { Clock } from "../../platform/clock.ts";
import type { StandingToken } from "./store.ts";

/**
 * What was read of tokens, for a few seconds: nothing is read while one is used again and again, and what another
 * process revoked is refused within `maxAgeMs`. What this process changes is forgotten at once.
 */
export interface TokenCache {
  /** By hash; reads once however many ask. Undefined, which is not remembered: there is no such token. */
  get(hash: string): Promise<StandingToken | undefined>;
  /** Forgets everything, what is being read just now too. */
  clear(): void;
}

interface Entry {
  readonly atMs: number;
  readonly token: Promise<StandingToken | undefined>;
}

const maxAgeMs = 3000;
const mostEntries = 20_000;

export function createTokenCache({
  clock,
  read,
}: {
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly read: (hash: string) => Promise<StandingToken | undefined>;
}): TokenCache {
  let entries = new Map<string, Entry>();

  async function load(hash: string): Promise<StandingToken | undefined> {
    const into = entries;
    try {
      const token = await read(hash);
      if (token === undefined) into.delete(hash);
      return token;
    } catch (error) {
      into.delete(hash);
      throw error;
    }
  }

  return {
    get(hash) {
      const nowMs = clock.monotonicMs();
      const known = entries.get(hash);
      // Counted from when the reading began: what was revoked meanwhile may have been missed.
      if (known !== undefined && nowMs - known.atMs < maxAgeMs) return known.token;
      const token = load(hash);
      entries.delete(hash);
      entries.set(hash, { atMs: nowMs, token });
      if (entries.size > mostEntries) entries.delete(entries.keys().next().value ?? hash);
      return token;
    },
    clear() {
      entries = new Map();
    },
  };
}
