import type { MessagePort } from "node:worker_threads";

/**
 * What passes between the thread that asks and the thread that writes. Flat arrays: they clone cheaply.
 *
 * A request is a list of commands, each followed by its operands. Every `run`, `commit` and `close` is
 * answered, in order; one reply message holds the answers of one request message.
 */
export const command = {
  begin: 0,
  savepoint: 1,
  release: 2,
  rollbackToSavepoint: 3,
  commit: 4,
  /** Operands: statement number, parameters. */
  run: 5,
  /** Operands: statement number, SQL text. */
  name: 6,
  forgetNames: 7,
  close: 8,
} as const;

export type Request = unknown[];

/** Rows changed, or columns (null: as the last time for this statement number) and rows, or a failure. */
export type Reply = number | readonly [columns: readonly string[] | null, rows: readonly unknown[][]] | WireError;

export interface WireError {
  readonly message: string;
  /** SQLite's extended result code, when it was SQLite that failed. */
  readonly errcode: number | undefined;
}

export interface WriterData {
  readonly path: string;
  readonly busyTimeoutMs: number;
  readonly port: MessagePort;
  /** Raised and notified after every request; the writer sleeps on it. */
  readonly bell: Int32Array;
}
