/** The process of the command `assay`: arguments, environment and signals in, exit code out. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { runCli } from "./program.ts";

function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  // Once: a second Ctrl-C ends a process that does not want to end.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
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
