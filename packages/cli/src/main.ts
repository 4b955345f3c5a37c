/** The process of the command `assay`: arguments, environment and signals in, exit code out. */
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline/promises";
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

async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  // On stderr, so that what a command prints can go into a file.
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  stopSignal,
  clock: {
    monotonicMs: () => performance.now(),
    nowMs: () => Date.now(),
    sleep: (ms) => sleep(ms),
  },
  ask,
  uniqueName: randomUUID,
});
