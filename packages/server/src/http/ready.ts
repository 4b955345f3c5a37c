import type { IncomingMessage } from "node:http";
import type { FinishedHead } from "./send.ts";

/** An answer that is finished already: the front door sends it itself, before any routing. */
export interface ReadyAnswer {
  /** Pattern for metrics and logs. */
  readonly route: string;
  readonly status: number;
  readonly head: FinishedHead;
  readonly bytes: Uint8Array;
}

/**
 * Looks for a finished answer to a GET or HEAD. `path` is canonical, without query. It must answer exactly what the
 * route would, or undefined: then the route answers. Never waits, never throws.
 */
export type ReadyAnswers = (
  request: IncomingMessage,
  target: { readonly base: string; readonly path: string | undefined },
) => ReadyAnswer | undefined;
