import { NetworkError } from "./network.ts";

/** The stage at which something failed decides what it says about the upstream. */
export type Stage = "head" | "body";

/** What a failure thrown by the HTTP client means. Idempotent: a NetworkError comes back as it is. */
export function toNetworkError(error: unknown, stage: Stage, where: string, isAborted: boolean): NetworkError {
  const guarded = findNetworkError(error);
  if (guarded !== undefined) return guarded;
  const code = codeOf(error);
  const make = (reason: NetworkError["reason"], text: string): NetworkError =>
    new NetworkError(reason, `${where}: ${text}`, { cause: error });
  if (isAborted) return make("aborted", "the request was given up");
  if (code === "UND_ERR_HEADERS_TIMEOUT") return make("timeout", "no answer in time");
  if (code === "UND_ERR_BODY_TIMEOUT") return make("timeout", "the body stalled");
  if (isNamed(error, "HTTPParserError") || code === "UND_ERR_HEADERS_OVERFLOW" || code.startsWith("UND_ERR_RES_"))
    return make("malformed", "the answer is not valid HTTP");
  if (code === "Z_BUF_ERROR") return make("truncated", "the compressed body ended early");
  if (
    code.startsWith("Z_") ||
    code.startsWith("ERR_BROTLI") ||
    code.startsWith("ERR__ERROR_FORMAT") ||
    code.startsWith("ZSTD_")
  )
    return make("malformed", "the compressed body is broken");
  if (stage === "body") return make("truncated", `the body ended early (${code})`);
  return make("connection", code === "" ? messageOf(error) : code);
}

/**
 * True when no connection came about (refused, DNS, TLS, connect time-out). A connection that was reset after it
 * stood says something about one path only: counting it would let one bad package stop the others.
 */
export function isUnreachable(error: NetworkError): boolean {
  if (error.reason !== "connection") return false;
  const code = codeOf(error.cause);
  if (code === "UND_ERR_SOCKET" || code === "EPIPE") return false;
  const syscall = (error.cause as { syscall?: unknown } | undefined)?.syscall;
  return !(code === "ECONNRESET" && syscall === "read");
}

function findNetworkError(error: unknown): NetworkError | undefined {
  for (let depth = 0, current = error; depth < 5 && current instanceof Error; depth += 1) {
    if (current instanceof NetworkError) return current;
    if (current instanceof AggregateError) {
      const inner = current.errors.find((one) => one instanceof NetworkError);
      if (inner instanceof NetworkError) return inner;
    }
    current = current.cause;
  }
  return undefined;
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "failed";
}
