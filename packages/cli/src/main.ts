/** The process of the command `assay`: arguments, environment and signals in, exit code out. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { runCli } from "./program.ts";

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // Once: a second Ctrl-C ends a process that does not want to end.
  process.once(signal, () => stopping.abort());
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stopping.signal,
  clock: {
    monotonicMs: () => performance.now(),
    sleep: (ms) => sleep(ms),
  },
  uniqueName: randomUUID,
});
