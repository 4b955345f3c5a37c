import { createHash } from "node:crypto";
import type { PackageName } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import {
  NetworkError,
  networkErrorPhrases,
  type NetworkErrorReason,
  type RequestOptions,
  type UpstreamClient,
  type UpstreamResponse,
} from "../platform/network/network.ts";
import { parseRetryAfterMs } from "../platform/network/retry.ts";
import type { Source } from "./sources.ts";

/** What the upstream said when it was asked for a packument. */
export type Fetched =
  | { readonly kind: "unchanged" }
  | FetchedDocument
  /** 404 or 410. */
  | { readonly kind: "missing" }
  | FetchFailure;

export interface FetchedDocument {
  readonly kind: "document";
  /** The whole raw document, in a buffer of its own (it may be transferred). */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** sha256 of the bytes, lower-case hex. */
  readonly digest: string;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** Gives the memory back to the budget: call once when the bytes are no longer held. */
  release(): void;
}

export interface FetchFailure {
  readonly kind: "failed";
  /** `unavailable`: later may be better. `refused`: the answer itself is wrong. */
  readonly fault: "unavailable" | "refused";
  /** For people; names no host. */
  readonly reason: string;
  /** For the log. */
  readonly detail: string;
  readonly retryAfterMs: number | undefined;
}

export interface Validators {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

interface FetchDeps {
  readonly client: UpstreamClient;
  readonly clock: Clock;
  readonly budget: ByteBudget;
}

export type FetchLimits = Pick<RequestOptions, "maxBytes" | "signal" | "tries" | "idleMs">;

/** Fetches the packument of one source within its byte budget. */
export type AskSource = (
  source: Source,
  name: PackageName,
  validators: Validators | undefined,
  limits?: Omit<FetchLimits, "maxBytes">,
) => Promise<Fetched>;

/** How many bytes of documents may be in memory at once; no waiting, so that slow ones cannot starve the others. */
export interface ByteBudget {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function createByteBudget(limitBytes: number): ByteBudget {
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > limitBytes) return false;
      taken += bytes;
      return true;
    },
    give(bytes) {
      taken -= bytes;
    },
  };
}

/**
 * Asks for the full packument, conditionally when there are validators. Never throws for what the upstream does. A
 * body that breaks off is asked for once more; the client already tried the rest again.
 */
export async function fetchDocument(
  deps: FetchDeps,
  name: PackageName,
  validators: Validators | undefined,
  limits: FetchLimits,
): Promise<Fetched> {
  for (let again = true; ; again = false) {
    try {
      return await fetchOnce(deps, name, validators, limits);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      if (error.reason === "truncated" && again) continue;
      return failure(error);
    }
  }
}

/** The path of a package below a registry's URL: a scope's slash is encoded. */
export function packagePath(name: PackageName): string {
  const [scope = "", rest] = name.split("/");
  return rest === undefined
    ? `/${encodeURIComponent(name)}`
    : `/@${encodeURIComponent(scope.slice(1))}%2f${encodeURIComponent(rest)}`;
}

async function fetchOnce(
  deps: FetchDeps,
  name: PackageName,
  validators: Validators | undefined,
  limits: FetchLimits,
): Promise<Fetched> {
  const response = await deps.client.request(packagePath(name), {
    ...limits,
    headers: headersFor(validators),
    decode: true,
  });
  if (response.status === 200) return await collect(deps.budget, response);
  response.body.destroy();
  if (response.status === 304 && validators !== undefined) return { kind: "unchanged" };
  if (response.status === 404 || response.status === 410) return { kind: "missing" };
  const isPassing = response.status === 408 || response.status === 429 || response.status >= 500;
  return {
    kind: "failed",
    fault: isPassing ? "unavailable" : "refused",
    reason: `it answered status ${response.status}`,
    detail: `status ${response.status}`,
    retryAfterMs: parseRetryAfterMs(response.headers["retry-after"], deps.clock.now()),
  };
}

function headersFor(validators: Validators | undefined): Record<string, string> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (validators?.etag != null) headers["if-none-match"] = validators.etag;
  else if (validators?.lastModified != null) headers["if-modified-since"] = validators.lastModified;
  return headers;
}

async function collect(budget: ByteBudget, response: UpstreamResponse): Promise<Fetched> {
  const hash = createHash("sha256");
  const chunks: Buffer[] = [];
  let size = 0;
  let isKept = false;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      if (!budget.take(chunk.byteLength)) {
        return {
          kind: "failed",
          fault: "unavailable",
          reason: "too many large documents at once",
          detail: "document budget exhausted",
          retryAfterMs: undefined,
        };
      }
      size += chunk.byteLength;
      hash.update(chunk);
      chunks.push(chunk);
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.byteLength;
    }
    isKept = true;
    const { etag, "last-modified": lastModified } = response.headers;
    return {
      kind: "document",
      bytes,
      digest: hash.digest("hex"),
      etag,
      lastModified,
      release: () => budget.give(size),
    };
  } finally {
    if (!isKept) budget.give(size);
  }
}

/** Failures that say something about the answer; the others are about the way to it, and may pass. */
const refused: ReadonlySet<NetworkErrorReason> = new Set([
  "malformed",
  "too-large",
  "forbidden-address",
  "forbidden-host",
  "redirects",
]);

function failure(error: NetworkError): FetchFailure {
  return {
    kind: "failed",
    fault: refused.has(error.reason) ? "refused" : "unavailable",
    reason: networkErrorPhrases[error.reason],
    detail: `${error.reason}: ${error.message}`,
    retryAfterMs: undefined,
  };
}
