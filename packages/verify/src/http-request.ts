import { AssayError, decodeUtf8, isAssayError, joinBytes, parseJson } from "@assay/core";

/** What talking to a registry or a log over HTTP needs. */
export interface RequestDeps {
  readonly fetch: typeof fetch;
  /** Resolves after this many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>;
  /** How often a request is tried that is answered 429 or 503. Default 5. */
  readonly attempts?: number;
}

const usualAttempts = 5;
const maxRetryAfterSeconds = 30;

/** An answer whose body was read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** A request: GET, unless told otherwise. */
interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly timeoutMs: number;
}

/**
 * Sends a request and reads the answer, at most `maxBytes` of it. Answers 429 and 503 are tried again as
 * `Retry-After` says. Throws LOG_UNAVAILABLE when there is no answer, none in time, or a larger one.
 */
export async function send(deps: RequestDeps, url: string, maxBytes: number, sent: Sent): Promise<Answer> {
  const { timeoutMs, ...init } = sent;
  const { attempts = usualAttempts } = deps;
  for (let attempt = 1; ; attempt += 1) {
    let answer: Answer;
    try {
      const response = await deps.fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
      const body = await readBody(response, maxBytes);
      answer = { status: response.status, headers: response.headers, body };
    } catch (error) {
      if (isAssayError(error)) throw error;
      throw unavailable(url, reasonOf(error), error);
    }
    const again = answer.status === 429 || answer.status === 503;
    if (!again || attempt >= attempts) return answer;
    await deps.sleep(retryAfterSeconds(answer.headers) * 1000);
  }
}

async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  // A reader, not `for await`: browsers do not all iterate streams.
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
    length += part.value.length;
    if (length > maxBytes) {
      await reader?.cancel();
      throw unavailable(response.url, `its answer is larger than ${maxBytes} bytes`);
    }
    parts.push(part.value);
  }
  return joinBytes(parts);
}

function retryAfterSeconds(headers: Headers): number {
  const seconds = Number(headers.get("retry-after") ?? "1");
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0.1), maxRetryAfterSeconds) : 1;
}

/** The server's own one-line sentence where it gives one. */
export function sentenceOf(answer: Answer): string {
  try {
    const { value } = parseJson(decodeUtf8(answer.body));
    const sentence = isObject(value) ? (value["message"] ?? value["error"]) : undefined;
    if (typeof sentence === "string") return printable(sentence);
  } catch {
    // A proxy's HTML page, say: the status is all there is.
  }
  return `HTTP status ${answer.status}`;
}

/** One line, at most 300 characters, nothing that drives a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 300);
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return "the request failed";
  if (cause.name === "TimeoutError") return "it did not answer in time";
  return printable(cause.message === "" ? cause.name : cause.message);
}

/** True for a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** LOG_UNAVAILABLE for this URL. */
export function unavailable(url: string, reason: string, cause?: unknown): AssayError<"LOG_UNAVAILABLE"> {
  return new AssayError("LOG_UNAVAILABLE", { url, reason: reason.replace(/\.$/, "") }, { cause });
}
