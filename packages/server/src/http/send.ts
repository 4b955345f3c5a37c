import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FastifyReply, FastifyRequest } from "fastify";

/** A finished head: names and values in turn, as `finishedHead` makes them. Make it once, send it often. */
export type FinishedHead = readonly string[] & { readonly finishedHead: true };

export interface BytesAnswer {
  readonly status: number;
  readonly head: FinishedHead;
  /** Undefined for 204 and 304. Not sent to HEAD. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * Prepares response headers for `sendBytes`: adds `content-length` (when a length is given) and `nosniff`.
 * Names are lower case; values must be valid header values.
 */
export function finishedHead(
  headers: Readonly<Record<string, string>>,
  lengthBytes: number | undefined,
): FinishedHead {
  const head = Object.entries(headers).flat();
  if (lengthBytes !== undefined) head.push("content-length", String(lengthBytes));
  head.push("x-content-type-options", "nosniff");
  return Object.freeze(head) as unknown as FinishedHead;
}

/**
 * The fast path for bytes in memory: head and body leave in one write, past Fastify's hooks and serialisers.
 * Counted and logged as every other response. HEAD gets the head alone.
 */
export function sendBytes(request: FastifyRequest, reply: FastifyReply, answer: BytesAnswer): void {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(answer.status, answer.head as unknown as string[]);
  if (answer.bytes === undefined || request.raw.method === "HEAD") response.end();
  else if (answer.bytes.length <= 8192) response.end((answer.bytes as Buffer).latin1Slice(0, answer.bytes.length), "latin1");
  else response.end(answer.bytes);
}

/**
 * Streams a body. Resolves when the response is finished or the client has gone (the source is destroyed then);
 * rejects when the source fails: the connection is cut, so that the client cannot take a part for the whole.
 */
export async function sendStream(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: { readonly status: number; readonly head: FinishedHead; readonly stream: Readable },
): Promise<void> {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(answer.status, answer.head as unknown as string[]);
  if (request.raw.method === "HEAD") {
    answer.stream.destroy();
    response.end();
    return;
  }
  try {
    await pipeline(answer.stream, response);
  } catch (error) {
    if (isGoneClient(error)) return;
    throw error;
  }
}

/** True for the error of a response whose client has closed the connection. */
function isGoneClient(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
}
