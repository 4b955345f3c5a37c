import { createBell } from "./bell.ts";

/** Tells the sequencer in which logs claims were committed. Ringing while it works is not lost. */
export interface Wakeups {
  /** Claims wait in this log; without one, maybe in any. */
  ring(log?: string): void;
  /** Resolves at the next `ring`. Take it before looking for work. */
  next(): Promise<void>;
  /** The logs that rang since the last call; `any` when it was not said which. */
  take(): ReadonlySet<string> | "any";
}

export function createWakeups(): Wakeups {
  const bell = createBell();
  let rung = new Set<string>();
  let isAny = false;
  return {
    ring(log) {
      if (log === undefined) isAny = true;
      else rung.add(log);
      bell.ring();
    },
    next: bell.next,
    take() {
      const taken = isAny ? "any" : rung;
      rung = new Set();
      isAny = false;
      return taken;
    },
  };
}
