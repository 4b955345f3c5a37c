import type { Exchange } from "./exchange.ts";

export interface SlowClientLimits {
  /** Nobody is judged before this. */
  readonly graceMs: number;
  /** Below this rate a client is dropped. */
  readonly minBytesPerSecond: number;
}

/**
 * Which side keeps a connection waiting: `reading` when the client takes the response too slowly, `sending` when
 * its request body trickles in, undefined when it keeps up or the wait is ours. Called in regular intervals; keeps
 * its own state in the exchange.
 *
 * A write is one piece to the socket, whatever its size, so the client gets the grace period and the time that
 * the waiting bytes take at the lowest rate.
 */
export function slowSide(
  exchange: Exchange,
  nowMs: number,
  limits: SlowClientLimits,
): "reading" | "sending" | undefined {
  const { request, response } = exchange;
  const socket = request.socket;
  const waiting = socket.writableLength;
  const flushed = socket.bytesWritten - waiting;
  if (waiting === 0 || flushed !== exchange.flushedBytes) {
    exchange.flushedBytes = flushed;
    exchange.stalledSinceMs = nowMs;
  } else if (nowMs - exchange.stalledSinceMs > limits.graceMs + (waiting / limits.minBytesPerSecond) * 1000) {
    return "reading";
  }
  // What lies unread here is not the client's fault.
  if (request.complete || request.readableLength > 0 || response.headersSent) return undefined;
  const judgedMs = nowMs - exchange.startedMs - limits.graceMs;
  const received = socket.bytesRead - exchange.readBefore;
  return judgedMs > 0 && received < (judgedMs / 1000) * limits.minBytesPerSecond ? "sending" : undefined;
}
