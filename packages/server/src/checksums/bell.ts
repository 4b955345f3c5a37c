/** Wakes whoever waits; ringing while nobody waits is not lost to those who took their turn before. */
export interface Bell {
  ring(): void;
  /** Resolves at the next `ring`. Take it before looking for work, or a ring between is missed. */
  next(): Promise<void>;
}

export function createBell(): Bell {
  let turn = Promise.withResolvers<void>();
  return {
    ring() {
      const rung = turn;
      turn = Promise.withResolvers();
      rung.resolve();
    },
    next: () => turn.promise,
  };
}
