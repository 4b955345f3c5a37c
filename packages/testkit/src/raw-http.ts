/** HTTP as it is on the wire: the path is sent as given, nothing is followed, decoded or normalised. */
import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Default 60. */
  readonly timeoutSeconds?: number;
}

export interface RawAnswer {
  readonly status: number;
  /** The reason phrase. */
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  /** As received. */
  readonly body: Buffer;
  /** The body after `content-encoding`, as text. */
  text(): string;
  /** The same, parsed. */
  json(): Record<string, unknown>;
}

/** Sends one request on a connection of its own. Rejects when the connection breaks before the body's end. */
export function rawRequest(base: string, path: string, options: RawRequest = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        hostname,
        port,
        path,
        method: options.method ?? "GET",
        headers: {
          ...options.headers,
          // Node frames no body of a DELETE by itself: it would arrive as the start of another request.
          ...(options.body === undefined ? {} : { "content-length": Buffer.byteLength(options.body) }),
        },
        agent: false,
        timeout: (options.timeoutSeconds ?? 60) * 1000,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("end", () => {
          const body = Buffer.concat(chunks);
          const text = (): string => decoded(body, response.headers["content-encoding"]).toString();
          resolve({
            status: response.statusCode ?? 0,
            reason: response.statusMessage ?? "",
            headers: response.headers,
            body,
            text,
            json: () => JSON.parse(text()) as Record<string, unknown>,
          });
        });
      },
    );
    request.once("timeout", () => request.destroy(new Error(`no answer from ${path} in time`)));
    request.once("error", reject);
    request.end(options.body);
  });
}

function decoded(body: Buffer, encoding: string | undefined): Buffer {
  if (body.byteLength === 0 || encoding === undefined || encoding === "identity") return body;
  if (encoding === "gzip") return gunzipSync(body);
  if (encoding === "zstd") return zstdDecompressSync(body);
  if (encoding === "br") return brotliDecompressSync(body);
  throw new Error(`unknown content-encoding ${encoding}`);
}
