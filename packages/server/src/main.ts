/** The process: arguments and environment → config → app → run until a signal. */
import type { Writable } from "node:stream";
import { isAssayError } from "@assay/core";
import { createApp } from "./app.ts";
import { loadConfig, type Flags } from "./config/load.ts";

export interface RunOptions {
  readonly flags: Flags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted by SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

/** What a process runs. */
interface Runnable extends AsyncDisposable {
  listen(): Promise<void>;
  welcome(): string;
  drain(graceMs: number): Promise<void>;
}

/** Requests under way get this long after a signal; the process is gone within 5 s. */
const drainMs = 3500;

/**
 * Serves until the signal is aborted, then drains. Answers the exit code: 0 after a drain, 2 when the
 * configuration is refused or names a port or folder that cannot be had, 1 when the start fails; what was wrong
 * is on `stderr`.
 */
export async function runServer({ flags, env, cwd, ...process }: RunOptions): Promise<number> {
  return await runUntilSignal(process, async () =>
    createApp(await loadConfig({ flags, env, cwd }), { logTo: process.stderr }),
  );
}

/** As `runServer`, for anything that listens and drains. */
export async function runUntilSignal(
  { stdout, stderr, signal }: Pick<RunOptions, "stdout" | "stderr" | "signal">,
  create: () => Promise<Runnable>,
): Promise<number> {
  try {
    await using app = await create();
    await app.listen();
    stdout.write(`${app.welcome()}\n`);
    // What only the start needed goes back to the system: 25 of 156 MB, for 60 ms before anybody asks.
    globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
    await aborted(signal);
    await app.drain(drainMs);
    return 0;
  } catch (error) {
    if (isAssayError(error, "CONFIG")) {
      stderr.write(`${error.message}\n`);
      return 2;
    }
    if (isAssayError(error)) {
      stderr.write(`Assay could not start: ${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
