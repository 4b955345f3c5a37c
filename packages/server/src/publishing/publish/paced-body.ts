import { AssayError } from "@assay/core";
import type { Clock } from "../../platform/clock.ts";

/** Whoever sends nothing for so long has stopped. */
const idleMs = 10_000;

/**
 * The chunks of a body as they come. Throws REQUEST_TIMEOUT when none comes for 10 s while we wait for one, and the
 * signal's reason when it is aborted: at once, whatever the sender does.
 */
export async function* pacedBody(
  clock: Pick<Clock, "sleep" | "monotonicMs">,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const chunks = source[Symbol.asyncIterator]();
  /** Set while a chunk is waited for; one promise a chunk, so that nothing piles up. */
  let waiting: { readonly sinceMs: number; readonly giveUp: (reason: unknown) => void } | undefined;
  const isOver = new AbortController();
  const stop = (): void => waiting?.giveUp(signal.reason);
  signal.addEventListener("abort", stop);

  async function watch(): Promise<void> {
    for (;;) {
      const quietMs = waiting === undefined ? 0 : clock.monotonicMs() - waiting.sinceMs;
      if (quietMs >= idleMs)
        waiting?.giveUp(
          new AssayError("REQUEST_TIMEOUT", { reason: `no byte of its body came for ${idleMs / 1000} s` }),
        );
      await clock.sleep(quietMs >= idleMs ? idleMs : idleMs - quietMs, isOver.signal);
    }
  }

  try {
    // It ends with the body.
    void watch().catch(() => undefined);
    for (;;) {
      signal.throwIfAborted();
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        waiting = { sinceMs: clock.monotonicMs(), giveUp: reject };
        chunks.next().then(resolve, reject);
      });
      waiting = undefined;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    isOver.abort(new Error("the body is over"));
    signal.removeEventListener("abort", stop);
    const end = chunks.return?.();
    // While a chunk is waited for, the end would wait for it too.
    if (waiting === undefined) await end;
    else void end?.catch(() => undefined);
  }
}
