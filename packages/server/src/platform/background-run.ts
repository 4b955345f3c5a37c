/** Work that goes on until it is disposed. */
export interface BackgroundRun extends AsyncDisposable {
  /** The work must end soon after its signal is aborted, and not reject. */
  start(work: (signal: AbortSignal) => Promise<void>): void;
}

/** Disposing aborts the signal and waits for what is under way. */
export function createBackgroundRun(): BackgroundRun {
  const stop = new AbortController();
  const running: Promise<void>[] = [];
  return {
    start(work) {
      running.push(work(stop.signal));
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(running);
    },
  };
}
