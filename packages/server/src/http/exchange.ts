import type { IncomingMessage, ServerResponse } from "node:http";

/** What the front door knows about one request while it is answered. Kept on the raw request: no hook, no lookup. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Monotonic milliseconds. */
  readonly startedMs: number;
  /** Of the connection, before this response; the difference is what the response took. */
  readonly writtenBefore: number;
  readonly readBefore: number;
  /** The public URL that the request came in under. */
  base: string;
  /** Canonical path below the base; undefined when it was refused. */
  path: string | undefined;
  query: string;
  /** Pattern of the route that answers; undefined while none does. */
  route: string | undefined;
  /** The route keeps something secret in its path: only the pattern may be logged. */
  secretPath: boolean;
  /** Set by the sweep for slow clients. */
  flushedBytes: number;
  stalledSinceMs: number;
}

const exchangeKey: unique symbol = Symbol("exchange");

interface WithExchange extends IncomingMessage {
  [exchangeKey]?: Exchange;
}

/** Ties the exchange to its raw request. */
export function setExchange(request: IncomingMessage, exchange: Exchange): void {
  (request as WithExchange)[exchangeKey] = exchange;
}

/** The exchange of a raw request that came through the front door. */
export function exchangeOf(request: IncomingMessage): Exchange {
  const exchange = (request as WithExchange)[exchangeKey];
  if (exchange === undefined) throw new Error("a request reached a handler without passing the front door");
  return exchange;
}
