/** The process of a witness: flags and file → config → app → run until a signal. */
import type { Writable } from "node:stream";
import { loadWitnessConfig, type WitnessFlags } from "./config/witness.ts";
import { runUntilSignal } from "./main.ts";
import { createWitnessApp } from "./witness-app.ts";

export interface RunWitnessOptions {
  readonly flags: WitnessFlags;
  readonly cwd: string;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted by SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Witnesses until the signal is aborted, then drains. Exit codes as `runServer`. */
export async function runWitness({ flags, cwd, ...process }: RunWitnessOptions): Promise<number> {
  return await runUntilSignal(process, async () =>
    createWitnessApp(await loadWitnessConfig(flags, cwd), { logTo: process.stderr }),
  );
}
