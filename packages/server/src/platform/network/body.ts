import { Transform, pipeline, type Readable } from "node:stream";
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import type { Clock } from "../clock.ts";
import { NetworkError } from "./network.ts";

interface BodyLimits {
  /** Undo this Content-Encoding; undefined to hand the bytes on as they came. */
  readonly encoding: string | undefined;
  readonly maxBytes: number;
  /** A body slower than 1 KiB/s over this time is given up: a drip would never fall idle. */
  readonly patienceMs: number;
}

const slowestBytesPerSecond = 1024;

/**
 * The body with its limits: at most `maxBytes` out (and about as many in), never slower than a drip, decoded
 * when asked. Every failure comes out as a NetworkError. Destroying it destroys the source.
 */
export function limitBody(
  deps: { readonly clock: Clock; readonly toError: (error: unknown) => NetworkError },
  source: Readable,
  limits: BodyLimits,
): Readable {
  const startedMs = deps.clock.monotonicMs();
  const wire = new Transform({ transform: watch(limits.maxBytes + 64 * 1024) });
  const outlet = new Transform({
    transform: counting(limits.maxBytes),
    destroy(error, callback) {
      callback(error === null || error === undefined ? null : deps.toError(error));
    },
  });
  // Consumers hear of failures by the stream itself; this keeps one that nobody listens to from ending the process.
  outlet.on("error", () => {});

  function watch(limit: number) {
    const count = counting(limit);
    let received = 0;
    return function (
      this: Transform,
      chunk: Buffer,
      encoding: BufferEncoding,
      callback: (error?: Error | null, data?: Buffer) => void,
    ): void {
      received += chunk.byteLength;
      const elapsedMs = deps.clock.monotonicMs() - startedMs;
      if (elapsedMs > limits.patienceMs && (received * 1000) / elapsedMs < slowestBytesPerSecond) {
        callback(new NetworkError("timeout", `the body came at less than ${slowestBytesPerSecond} bytes a second`));
        return;
      }
      count(chunk, encoding, callback);
    };
  }

  const done = (): void => {};
  if (limits.encoding === undefined) pipeline(source, wire, outlet, done);
  else pipeline(source, wire, decoder(limits.encoding), outlet, done);
  return outlet;
}

function counting(limit: number) {
  let bytes = 0;
  return (chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null, data?: Buffer) => void): void => {
    bytes += chunk.byteLength;
    if (bytes > limit) callback(new NetworkError("too-large", `the body is larger than ${limit} bytes`));
    else callback(null, chunk);
  };
}

/**
 * The Content-Encoding to undo: undefined for none. Throws NetworkError `malformed` for one that is unknown or
 * stacked (each layer multiplies what a bomb can do).
 */
export function encodingOf(header: string | undefined): string | undefined {
  const encoding = (header ?? "").trim().toLowerCase();
  if (encoding === "" || encoding === "identity") return undefined;
  if (!["gzip", "x-gzip", "deflate", "br", "zstd"].includes(encoding)) {
    throw new NetworkError("malformed", `the Content-Encoding ${JSON.stringify(encoding.slice(0, 40))} is not known`);
  }
  return encoding;
}

function decoder(encoding: string): Transform {
  const chunkSize = 64 * 1024;
  if (encoding === "br") return createBrotliDecompress({ chunkSize });
  if (encoding === "deflate") return createInflate({ chunkSize });
  // RFC 9659: a zstd window over HTTP is at most 8 MiB; without this a frame may ask for 128 MiB of memory.
  if (encoding === "zstd") return createZstdDecompress({ chunkSize, params: { [constants.ZSTD_d_windowLogMax]: 23 } });
  return createGunzip({ chunkSize });
}
