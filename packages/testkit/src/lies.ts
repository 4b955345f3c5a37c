import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";

/** Answers one request in place of the truth. */
export type Lie = (exchange: Exchange) => void | Promise<void>;

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Answers as if nothing was. */
  readonly honest: () => void;
  /** What the truth would have sent, uncompressed; undefined when there is nothing at this path. */
  readonly honestBody: () => Uint8Array | undefined;
  /** Aborted when the upstream is closed. */
  readonly ended: AbortSignal;
}

/** `500`, `429` with `retry-after`, … */
export function status(code: number, headers: Readonly<Record<string, string>> = {}, body = '{"error":"lie"}'): Lie {
  return ({ response }) => void response.writeHead(code, headers).end(body);
}

/** Other bytes, status 200. */
export function otherBytes(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Lie {
  return ({ response }) =>
    void response.writeHead(200, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
}

/** The true bytes with one of them changed. */
export function flippedByte(at: number): Lie {
  return ({ response, honestBody }) => {
    const body = Buffer.from(honestBody() ?? []);
    body[at] = (body[at] ?? 0) ^ 1;
    response.writeHead(200, { "content-length": body.byteLength }).end(body);
  };
}

/** A document changed on its way out: the stored one stays as it is. */
export function changedDocument(change: (document: Record<string, unknown>) => void): Lie {
  return ({ response, honestBody }) => {
    const document = JSON.parse(Buffer.from(honestBody() ?? "{}").toString()) as Record<string, unknown>;
    change(document);
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
  };
}

/** Promises the whole body, sends part of it and closes. */
export function truncated(afterBytes: number): Lie {
  return ({ response, honestBody }) => {
    const body = honestBody() ?? new Uint8Array();
    response.writeHead(200, { "content-length": body.byteLength });
    response.write(body.subarray(0, afterBytes), () => response.socket?.destroy());
  };
}

/** Sends the true body a few bytes at a time. */
export function drip(bytesATime: number, everyMs: number): Lie {
  return async ({ response, honestBody, ended }) => {
    const body = honestBody() ?? new Uint8Array();
    response.writeHead(200, { "content-length": body.byteLength });
    for (let at = 0; at < body.byteLength && !response.destroyed; at += bytesATime) {
      response.write(body.subarray(at, at + bytesATime));
      await sleep(everyMs, undefined, { signal: ended }).catch(() => response.destroy());
    }
    response.end();
  };
}

/** Never answers. */
export const hang: Lie = () => {};

/** Sends the head and some of the body, then nothing. */
export function stalled(afterBytes: number): Lie {
  return ({ response, honestBody }) => {
    const body = honestBody() ?? new Uint8Array();
    response.writeHead(200, { "content-length": body.byteLength });
    response.write(body.subarray(0, afterBytes));
  };
}

/** Closes the connection before answering. */
export const reset: Lie = ({ request }) => void request.socket.destroy();

/** Not HTTP at all. */
export const gibberish: Lie = ({ request }) => void request.socket.end("SSH-2.0-lie\r\n\r\n");

export function redirect(to: string, code = 302): Lie {
  return ({ response }) => void response.writeHead(code, { location: to }).end();
}

/** Redirects to itself for ever. */
export const redirectLoop: Lie = ({ request, response }) =>
  void response.writeHead(302, { location: request.url ?? "/" }).end();

/** `sizeBytes` of spaces, compressed: a JSON document that never begins. */
export function bomb(encoding: "gzip" | "br" | "zstd", sizeBytes: number): Lie {
  return ({ response }) => {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": encoding });
    const encoder = { gzip: createGzip, br: createBrotliCompress, zstd: createZstdCompress }[encoding]();
    encoder.on("error", () => {});
    encoder.pipe(response);
    response.on("close", () => encoder.destroy());
    const chunk = Buffer.alloc(1024 * 1024, " ");
    let left = sizeBytes;
    const write = (): void => {
      while (left > 0) {
        left -= chunk.byteLength;
        if (!encoder.write(chunk)) {
          encoder.once("drain", write);
          return;
        }
      }
      encoder.end();
    };
    write();
  };
}

/** An uncompressed body without end. */
export const endless: Lie = ({ response }) => {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  const chunk = Buffer.alloc(64 * 1024, 1);
  const write = (): void => {
    while (!response.destroyed && response.write(chunk)) continue;
  };
  response.on("drain", write);
  write();
};
