import type { IncomingMessage, ServerResponse } from "node:http";
import { AssayError, isAssayError } from "@assay/core";
import type { Random } from "../platform/random.ts";
import type { Logger } from "../platform/telemetry/telemetry.ts";
import { loggedPath } from "./access-log.ts";
import { exchangeOf } from "./exchange.ts";
import { wantsHtml } from "./negotiate.ts";

/** What a page about a refusal may show. Every text in it is untrusted: escape it. */
export interface ErrorPage {
  readonly status: number;
  readonly code: string;
  /** The sentence that every client prints. */
  readonly sentence: string;
  /** The public URL that the request came in under. */
  readonly base: string;
}

export interface ErrorDeps {
  readonly log: Logger;
  readonly random: Random;
  /** HTML for people; styled and escaped by whoever renders. */
  readonly renderErrorPage: (page: ErrorPage) => string;
  /** Where a person reads more about an error, or undefined: an absolute URL of printable ASCII. */
  readonly readMoreUrl: (error: AssayError, base: string) => string | undefined;
}

/** How a refusal leaves the server. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  /** One line of printable ASCII; the reason phrase, `error`, `message` and `npm-notice` are all this. */
  readonly sentence: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;
  readonly allow: string | undefined;
}

/** Answers errors: the only place that turns one into a response. */
export interface ErrorResponder {
  /** Answers with the refusal. When the response has begun the connection is cut; when the client has gone nothing is sent. */
  answer(request: IncomingMessage, response: ServerResponse, error: unknown): void;
}

/** Strict enough for what errors show: no script, no image, own style sheets only. */
export const strictPolicy =
  "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const longestSentence = 600;
const defaultRetrySeconds = 5;

export function createErrorResponder(deps: ErrorDeps): ErrorResponder {
  return {
    answer(request, response, error) {
      const isOver = response.destroyed || response.writableEnded;
      if (isOver && isGoneClient(error)) return;
      const exchange = exchangeOf(request);
      const known = knownError(error);
      let refusal: Refusal;
      if (known === undefined) {
        const id = Buffer.from(deps.random.bytes(8)).toString("hex");
        deps.log.error("a request failed inside", {
          "error.id": id,
          "http.method": request.method,
          "http.route": exchange.route,
          "http.path": loggedPath(exchange),
          error,
        });
        refusal = describeRefusal(new AssayError("INTERNAL", { id }), undefined);
      } else {
        refusal = describeRefusal(known, deps.readMoreUrl(known, exchange.base));
      }
      if (isOver) return;
      if (response.headersSent) {
        // Cutting the connection is the only way left to say that the body is not whole.
        response.destroy();
        return;
      }
      const html = wantsHtml(request.headers.accept)
        ? deps.renderErrorPage({ ...refusal, base: exchange.base })
        : undefined;
      write(request, response, refusal, html);
    },
  };
}

/** Public facts of an error. `url`, when given, ends the sentence and stands in the body. */
export function describeRefusal(error: AssayError, url: string | undefined): Refusal {
  const sentence = printable(error.message, longestSentence);
  const wait = (error.details as { readonly retryAfterSeconds?: unknown }).retryAfterSeconds;
  const busy = error.status === 429 || error.status === 503;
  return {
    status: error.status,
    code: error.code,
    sentence: url === undefined ? sentence : `${sentence} ${printable(url, 2048)}`,
    fields: url === undefined ? error.publicDetails : { ...error.publicDetails, url },
    retryAfterSeconds: busy ? Math.max(1, Math.ceil(typeof wait === "number" ? wait : defaultRetrySeconds)) : undefined,
    allow: isAssayError(error, "METHOD_NOT_ALLOWED") ? error.details.allow : undefined,
  };
}

/** The JSON body of a refusal. The sentence's own fields win over details of the same name. */
export function refusalBody(refusal: Refusal): string {
  return JSON.stringify({
    ...refusal.fields,
    error: refusal.sentence,
    message: refusal.sentence,
    code: refusal.code,
  });
}

const goneCodes: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ABORT_ERR"]);

/** What a closed connection makes of the work under way: nobody's fault, nothing to log. */
function isGoneClient(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || ("code" in error && goneCodes.has(error.code)));
}

/** Errors that may be told to the client; undefined for what must stay inside: unknown ones and every 500. */
function knownError(error: unknown): AssayError | undefined {
  if (error instanceof AssayError) return error.status === 500 ? undefined : error;
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  switch (error.code) {
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new AssayError(
        "UNSUPPORTED_MEDIA_TYPE",
        { reason: "its content type is not understood" },
        { cause: error },
      );
    case "FST_ERR_VALIDATION":
      return new AssayError("BAD_REQUEST", { reason: printable(error.message, 200) }, { cause: error });
    default:
      return undefined;
  }
}

/** Anything outside printable ASCII becomes `?`: header values and reason phrases hold nothing else. */
function printable(text: string, longest: number): string {
  const line = text.replace(/[^ -~]/g, "?");
  return line.length > longest ? `${line.slice(0, longest - 3)}...` : line;
}

function write(request: IncomingMessage, response: ServerResponse, refusal: Refusal, html: string | undefined): void {
  const body = html ?? refusalBody(refusal);
  const headers: Record<string, string | number> = {
    "content-type": html === undefined ? "application/json; charset=utf-8" : "text/html; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    vary: "accept",
    "x-content-type-options": "nosniff",
  };
  // npm prints it at once, also where it only asks whether something exists.
  if (refusal.status !== 404) headers["npm-notice"] = refusal.sentence;
  if (html !== undefined) {
    headers["content-security-policy"] = strictPolicy;
    headers["referrer-policy"] = "no-referrer";
  }
  if (refusal.retryAfterSeconds !== undefined) headers["retry-after"] = refusal.retryAfterSeconds;
  if (refusal.allow !== undefined) headers["allow"] = refusal.allow;
  if (refusal.status === 401) headers["www-authenticate"] = refusal.code === "OTP_REQUIRED" ? "OTP" : "Bearer";
  // Whoever has not sent it by now need not be waited for.
  if (!request.complete && (refusal.status === 408 || !isSoonOver(request))) headers["connection"] = "close";
  response.writeHead(refusal.status, refusal.sentence, headers);
  response.end(request.method === "HEAD" ? undefined : body);
}

/**
 * What is left of a refused body must be swallowed before the connection can be used again, and closing at once
 * may lose the answer on its way: a small body is worth waiting for.
 */
function isSoonOver(request: IncomingMessage): boolean {
  return (
    request.headers["transfer-encoding"] === undefined && Number(request.headers["content-length"] ?? 0) <= 1024 * 1024
  );
}

/** The bytes of a refusal for a connection on which no request could be read (RFC 9112). */
export function rawRefusal(error: AssayError): string {
  const refusal = describeRefusal(error, undefined);
  const body = refusalBody(refusal);
  return [
    `HTTP/1.1 ${refusal.status} ${refusal.sentence}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "cache-control: no-store",
    "x-content-type-options: nosniff",
    "connection: close",
    "",
    body,
  ].join("\r\n");
}
