import type { Readable } from "node:stream";

/**
 * The way out. One client per upstream; it reaches that upstream's own origin and the extra hosts listed
 * for it, nothing else, on every hop; it checks the address when it connects (never link-local or
 * metadata addresses; loopback and private ones only for the upstream's own configured origin);
 * credentials go to the upstream's own origin only.
 */
export interface UpstreamClient {
  /**
   * One GET or POST. `target` is a path below the upstream's URL (`/vite`, no leading host) or an absolute URL
   * on an allowed host. The body is raw bytes after undoing Content-Encoding for documents
   * (`decode: true`), or exactly as sent (`decode: false`, tarballs).
   *
   * Connect, header and body time-outs and `maxBytes` (of the decoded body) are enforced here; connection
   * failures, 408, 429, 502, 503 and 504 are retried with jitter before they are answered, up to `tries`.
   * Throws NetworkError; HTTP statuses are answers, not errors.
   */
  request(target: string, options: RequestOptions): Promise<UpstreamResponse>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RequestOptions {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly decode: boolean;
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
  /** At most this many attempts, where there would be more. */
  readonly tries?: number;
  /** Longest pause within the answer, ms, where the upstream's own limit is longer. */
  readonly idleMs?: number;
}

export interface UpstreamResponse {
  readonly status: number;
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** The URL that answered, after redirects. */
  readonly url: string;
  /** Must be consumed or destroyed. Fails with NetworkError on truncation, time-out or too many bytes. */
  readonly body: Readable;
}

/** Why a request failed. Only `connection` failures say something about the whole upstream. */
export type NetworkErrorReason =
  | "connection" // refused, reset before an answer, DNS, TLS, connect time-out
  | "timeout" // headers or body too slow
  | "truncated" // body ended early
  | "malformed" // not HTTP, or a Content-Encoding that is unknown or broken
  | "too-large" // more than maxBytes
  | "forbidden-address" // SSRF guard
  | "forbidden-host" // not the upstream's own origin nor listed
  | "redirects" // too many or malformed
  | "breaker" // the upstream's breaker is open
  | "aborted";

/** What clients may be told: an error's own message names hosts and addresses of this network. */
export const networkErrorPhrases: Readonly<Record<NetworkErrorReason, string>> = {
  connection: "no connection",
  timeout: "it is too slow",
  truncated: "its answer broke off",
  malformed: "it is not valid HTTP or not readable",
  "too-large": "it is too large",
  "forbidden-address": "it leads to an address that is not allowed",
  "forbidden-host": "it leads to a host that is not allowed",
  redirects: "it redirects without end or wrongly",
  breaker: "no connection lately",
  aborted: "the request was given up",
};

export class NetworkError extends Error {
  readonly reason: NetworkErrorReason;

  constructor(reason: NetworkErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NetworkError";
    this.reason = reason;
  }
}
