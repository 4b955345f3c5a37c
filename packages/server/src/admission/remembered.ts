import type { Clock } from "../platform/clock.ts";

/** Remembers refusals for a while, so that a refused tarball is not downloaded again for each request. */
export interface Remembered<Refusal> {
  /** What was refused under this key for the same subject, or undefined. */
  find(key: string, subject: string): Refusal | undefined;
  add(key: string, subject: string, refusal: Refusal): void;
}

const mostKeys = 10_000;

/** `forMs` after a refusal, or when its subject (what was listed) changes, the key is free again. */
export function createRemembered<Refusal>(clock: Clock, forMs: number): Remembered<Refusal> {
  const held = new Map<string, { readonly subject: string; readonly refusal: Refusal; readonly untilMs: number }>();
  return {
    find(key, subject) {
      const entry = held.get(key);
      if (entry === undefined) return undefined;
      if (entry.untilMs > clock.monotonicMs() && entry.subject === subject) return entry.refusal;
      held.delete(key);
      return undefined;
    },
    add(key, subject, refusal) {
      held.delete(key);
      held.set(key, { subject, refusal, untilMs: clock.monotonicMs() + forMs });
      // Insertion order is age: the oldest goes first.
      const oldest = held.keys().next().value;
      if (held.size > mostKeys && oldest !== undefined) held.delete(oldest);
    },
  };
}
