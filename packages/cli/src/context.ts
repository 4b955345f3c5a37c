import type { Writable } from "node:stream";

/** What a command gets from the process, so that nothing else reads it. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /** From this call on SIGINT, SIGTERM and SIGHUP abort the signal; one that comes a second later ends the process. */
  readonly stopSignal: () => AbortSignal;
  readonly clock: CliClock;
  /** Asks a person one question and answers the line typed; undefined where nobody sits at a terminal. */
  readonly ask: (question: string) => Promise<string | undefined>;
  /** A name for a temporary file that no other process uses at the same time. */
  readonly uniqueName: () => string;
}

/** A stream that text is written to. */
export type Output = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

export interface CliClock {
  /** Milliseconds of a clock that never goes back; for durations. */
  readonly monotonicMs: () => number;
  /** Milliseconds since 1970; may be set back. */
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** What a command answers: 0 fine, 1 a check failed, 2 wrong use. */
export type ExitCode = 0 | 1 | 2;

/** Puts the exit code of the command that ran where `runCli` finds it. */
export type Finish = (code: number) => void;
