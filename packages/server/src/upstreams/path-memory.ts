/** What went wrong for one name a moment ago, so that one bad package is not asked for over and over. Bounded. */
export interface PathMemory<Failure> {
  missing(name: string, untilMs: number): void;
  isMissing(name: string, nowMs: number): boolean;
  failed(name: string, failure: Remembered<Failure>): void;
  failure(name: string, nowMs: number): Remembered<Failure> | undefined;
  /** Nothing went wrong for this name. */
  forget(name: string): void;
}

export interface Remembered<Failure> {
  readonly value: Failure;
  readonly untilMs: number;
}

const maxNames = 10_000;

export function createPathMemory<Failure>(): PathMemory<Failure> {
  const missing = new Map<string, number>();
  const failures = new Map<string, Remembered<Failure>>();
  return {
    missing(name, untilMs) {
      failures.delete(name);
      remember(missing, name, untilMs);
    },
    isMissing(name, nowMs) {
      const untilMs = missing.get(name);
      if (untilMs !== undefined && untilMs <= nowMs) missing.delete(name);
      return untilMs !== undefined && untilMs > nowMs;
    },
    failed: (name, failure) => remember(failures, name, failure),
    forget(name) {
      missing.delete(name);
      failures.delete(name);
    },
    failure(name, nowMs) {
      const failure = failures.get(name);
      if (failure === undefined || failure.untilMs > nowMs) return failure;
      failures.delete(name);
      return undefined;
    },
  };
}

/** Forgets the oldest when full: maps keep the order in which names came. */
function remember<Value>(map: Map<string, Value>, name: string, value: Value): void {
  map.delete(name);
  if (map.size === maxNames) {
    for (const oldest of map.keys()) {
      map.delete(oldest);
      break;
    }
  }
  map.set(name, value);
}
