/** The process of the command `assay`: arguments, environment and signals in, exit code out. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { runCli } from "./program.ts";

const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** One wish to stop comes several times: from the terminal or supervisor to the whole group, and passed on by npm. */
const sameWishMs = 1000;

function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    // From then on a signal ends a process that does not want to end.
    setTimeout(() => {
      for (const signal of stopSignals) process.off(signal, stop);
    }, sameWishMs).unref();
  };
  for (const signal of stopSignals) process.on(signal, stop);
  return stopping.signal;
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  stopSignal,
  clock: {
    monotonicMs: () => performance.now(),
    sleep: (ms) => sleep(ms),
  },
  uniqueName: randomUUID,
});
