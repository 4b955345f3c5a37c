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
export function finishedHead(headers: Readonly<Record<string, string>>, lengthBytes: number | undefined): FinishedHead {
  const head = Object.entries(headers).flat();
  if (lengthBytes !== undefined) head.push("content-length", String(lengthBytes));
  head.push("x-content-type-options", "nosniff");
  return Object.freeze(head) as unknown as FinishedHead;
}

/** Sends a page for people: never kept by caches, because what it shows changes and depends on who asks. */
export function sendPage(reply: FastifyReply, html: string): FastifyReply {
  return reply
    .headers({ "content-type": "text/html; charset=utf-8", "cache-control": "no-store", vary: "accept" })
    .send(html);
}

/** Up to this size a copy into a string is cheaper than a gathered write of head and body. */
const oneWriteBytes = 8 * 1024;

/**
 * The fast path for bytes in memory: head and body leave in one write, past Fastify's hooks and serialisers.
 * Counted and logged as every other response. HEAD gets the head alone.
 */
export function sendBytes(request: FastifyRequest, reply: FastifyReply, answer: BytesAnswer): void {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(answer.status, answer.head as unknown as string[]);
  if (answer.bytes === undefined || request.raw.method === "HEAD") response.end();
  else if (answer.bytes.length <= oneWriteBytes) response.end(asLatin1(answer.bytes), "latin1");
  else response.end(answer.bytes);
}

/** One character a byte: Node joins such a body with the head into a single write. */
function asLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/**
 * Streams a body. Resolves when the response is finished. Rejects when the source fails or the client has gone;
 * both ends are destroyed then, so that no client can take a part for the whole. Return or await it: the server
 * logs a failed source once.
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
  await pipeline(answer.stream, response);
}
