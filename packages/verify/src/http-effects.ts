import {
  AssayError,
  decodeUtf8,
  isAssayError,
  parseJson,
  parseVkey,
  type PackageName,
  type Version,
} from "@assay/core";
import { maxBundleBytes, type LogClientEffects, type LookupOutcome } from "./log-client-effects.ts";
import type { TrustedLog } from "./trust.ts";

/** What the HTTP side of the log client needs. */
export interface HttpDeps {
  readonly fetch: typeof fetch;
  /** Resolves after this many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Base URL of the registry, no trailing slash. */
  readonly registry: string;
}

/** A log as the registry lists it. Nothing in here is trusted. */
export interface ListedLog {
  readonly shard: string;
  readonly origin: string;
  readonly vkey: string;
  readonly state: string;
}

const maxTileBytes = 8_192;
const maxLookupBytes = 65_536;
const maxListBytes = 1_048_576;
const bundleTimeoutMs = 120_000;
/** A lookup may download and inspect a large tarball first. */
const lookupTimeoutMs = 300_000;
const tileTimeoutMs = 30_000;
const maxAttempts = 5;
const maxRetryAfterSeconds = 30;

/** The effects of the log client over HTTP, all but the stored checkpoints. Answers 429 and 503 are tried again as `Retry-After` says. */
export function createHttpEffects(deps: HttpDeps): Pick<LogClientEffects, "postBundle" | "lookup" | "fetchTile"> {
  return {
    async postBundle(request) {
      const url = `${deps.registry}/-/log/bundle`;
      const answer = await send(deps, url, maxBundleBytes, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json" },
        body: request,
        timeoutMs: bundleTimeoutMs,
      });
      if (answer.status !== 200) throw unavailable(url, sentenceOf(answer));
      return answer.body;
    },

    async lookup(name, version): Promise<LookupOutcome> {
      const url = `${deps.registry}/-/log/lookup/${lookupPath(name, version)}`;
      const answer = await send(deps, url, maxLookupBytes, { timeoutMs: lookupTimeoutMs });
      return answer.status === 200 ? { outcome: "bound" } : { outcome: "refused", reason: sentenceOf(answer) };
    },

    async fetchTile(log, path) {
      const url = `${logUrl(deps.registry, log)}/${path}`;
      const answer = await send(deps, url, maxTileBytes, { timeoutMs: tileTimeoutMs });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw unavailable(url, sentenceOf(answer));
      return answer.body;
    },
  };
}

/** What the registry says its logs are, newest first; for showing to people. Throws LOG_UNAVAILABLE. */
export async function listLogs(deps: HttpDeps): Promise<readonly ListedLog[]> {
  const url = `${deps.registry}/-/log/`;
  const answer = await send(deps, url, maxListBytes, { timeoutMs: tileTimeoutMs });
  if (answer.status !== 200) throw unavailable(url, sentenceOf(answer));
  try {
    const { value } = parseJson(decodeUtf8(answer.body));
    const logs = isObject(value) ? value["logs"] : undefined;
    if (!Array.isArray(logs)) throw unavailable(url, "its answer has no list of logs");
    return logs.map((log: unknown) => readListedLog(log, url));
  } catch (error) {
    if (isAssayError(error, "BAD_FORMAT")) throw unavailable(url, error.message, error);
    throw error;
  }
}

function readListedLog(log: unknown, url: string): ListedLog {
  const { shard, origin, vkey, state } = isObject(log) ? log : {};
  if (typeof shard !== "string" || typeof origin !== "string" || typeof vkey !== "string" || typeof state !== "string")
    throw unavailable(url, "a log in its list lacks shard, origin, vkey or state");
  // Also keeps what is printed free of control characters.
  if (parseVkey(vkey).name !== origin) throw unavailable(url, "a log's vkey is not of its origin");
  return { shard: printable(shard), origin, vkey, state: printable(state) };
}

/** Where a log's checkpoint and tiles are: its pinned URL, else where the registry serves the shard of that name. */
function logUrl(registry: string, log: TrustedLog): string {
  const shard = log.origin.slice(log.origin.lastIndexOf("/") + 1);
  return log.url ?? `${registry}/-/log/${segment(shard)}`;
}

/** `@scope/name@version` as a canonical path: the slash of the scope stays. */
function lookupPath(name: PackageName, version: Version): string {
  return `${name.split("/").map(segment).join("/")}@${segment(version)}`;
}

/** Percent-encodes what RFC 3986 §3.3 does not allow in a path segment, and nothing else. */
function segment(text: string): string {
  return encodeURIComponent(text).replaceAll(/%(?:2[146BC]|3[ABD]|40)/g, decodeURIComponent);
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly timeoutMs: number;
}

async function send(deps: HttpDeps, url: string, maxBytes: number, sent: Sent): Promise<Answer> {
  const { timeoutMs, ...init } = sent;
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
    if (!again || attempt === maxAttempts) return answer;
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
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}

function retryAfterSeconds(headers: Headers): number {
  const seconds = Number(headers.get("retry-after") ?? "1");
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0.1), maxRetryAfterSeconds) : 1;
}

/** The registry's own one-line sentence where it gives one. */
function sentenceOf(answer: Answer): string {
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
function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").slice(0, 300);
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return "the request failed";
  if (cause.name === "TimeoutError") return "it did not answer in time";
  return printable(cause.message === "" ? cause.name : cause.message);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unavailable(url: string, reason: string, cause?: unknown): AssayError<"LOG_UNAVAILABLE"> {
  return new AssayError("LOG_UNAVAILABLE", { url, reason: reason.replace(/\.$/, "") }, { cause });
}
