import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { UpstreamConfig } from "../../config/config.ts";
import type { Clock } from "../clock.ts";
import type { Random } from "../random.ts";
import { encodingOf, limitBody } from "./body.ts";
import { createBreaker, type Breaker } from "./breaker.ts";
import type { ClientCertificate } from "./client-certificate.ts";
import { createDispatchers, type Resolve } from "./dispatchers.ts";
import { isUnreachable, toNetworkError } from "./failures.ts";
import { NetworkError, type RequestOptions, type UpstreamClient, type UpstreamResponse } from "./network.ts";
import { parseRetryAfterMs, retriedStatuses, retryDelayMs } from "./retry.ts";
import { createRoutes } from "./routes.ts";
import type { NetworkSettings } from "./settings.ts";

export interface UpstreamClientDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: NetworkSettings;
  readonly resolve: Resolve;
}

/** What the upstream's own origin is shown, and nobody else. */
export interface UpstreamCredentials {
  /** `Bearer …` or `Basic …`. */
  readonly authorization: string | undefined;
  readonly certificate: ClientCertificate | undefined;
}

/** For upstreams that anybody may ask. */
export const noCredentials: UpstreamCredentials = { authorization: undefined, certificate: undefined };

const maxRedirects = 5;
const maxTries = 3;
const breakerLimits = { failures: 5, openMs: 10_000 };
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Headers of a caller that hosts other than the upstream's own never see. */
const ownOnlyHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "npm-otp", "proxy-authorization"]);

interface Hop {
  readonly url: URL;
  readonly options: RequestOptions;
}

interface Head {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Dispatcher.ResponseData["body"];
}

/**
 * The client of one upstream (contract: network.ts). Redirects are followed by hand, at most 5, each hop through
 * the same rules; a GET has 3 tries, a POST a second one only when no connection came about. Each origin has its
 * own breaker. Concurrency: any number of requests; at most 64 connections an origin, the rest queue.
 */
export function createUpstreamClient(
  deps: UpstreamClientDeps,
  config: Pick<UpstreamConfig, "url" | "tarballHosts" | "timeouts">,
  credentials: UpstreamCredentials,
): UpstreamClient {
  const routes = createRoutes(config);
  const dispatchers = createDispatchers(deps, { ...config, certificate: credentials.certificate });
  const breakers = new Map<string, Breaker>();

  function breakerOf(origin: string): Breaker {
    let breaker = breakers.get(origin);
    if (breaker === undefined) {
      breaker = createBreaker(deps, breakerLimits);
      breakers.set(origin, breaker);
    }
    return breaker;
  }

  function headersFor({ url, options }: Hop): Record<string, string> {
    const isOwn = routes.isOwn(url);
    const headers: Record<string, string> = {
      "user-agent": "assay",
      "accept-encoding": options.decode ? "gzip, br, zstd" : "identity",
    };
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (isOwn || !ownOnlyHeaders.has(name.toLowerCase())) headers[name.toLowerCase()] = value;
    }
    if (isOwn && credentials.authorization !== undefined) headers["authorization"] = credentials.authorization;
    return headers;
  }

  function idleMsOf({ idleMs }: RequestOptions): number {
    return Math.min(idleMs ?? Number.POSITIVE_INFINITY, config.timeouts.bodyIdleMs);
  }

  /** One attempt: the head of an answer, or a NetworkError; the breaker learns which. */
  async function attempt(hop: Hop): Promise<Head> {
    const { url, options } = hop;
    const ticket = breakerOf(url.origin).admit();
    if (ticket === undefined)
      throw new NetworkError("breaker", `${url.host} could not be reached lately; not asked again yet`);
    try {
      const response = await dispatchers.for(url, routes.isOwn(url)).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: options.method ?? "GET",
        headers: headersFor(hop),
        body: options.body ?? null,
        headersTimeout: config.timeouts.headersMs,
        bodyTimeout: idleMsOf(options),
        signal: options.signal ?? null,
      });
      ticket.settle("reached");
      return { status: response.statusCode, headers: flat(response.headers), body: response.body };
    } catch (cause) {
      const error = toNetworkError(cause, "head", url.host, options.signal?.aborted === true);
      ticket.settle(
        isUnreachable(error)
          ? "unreachable"
          : error.reason === "connection" || error.reason === "malformed"
            ? "reached"
            : "unknown",
      );
      throw error;
    }
  }

  /** Tries until there is an answer worth handing on. */
  async function ask(hop: Hop): Promise<Head> {
    const isGet = (hop.options.method ?? "GET") === "GET";
    const mostTries = Math.min(hop.options.tries ?? maxTries, maxTries);
    for (let tries = 1; ; tries += 1) {
      let delayMs: number | undefined;
      try {
        const head = await attempt(hop);
        if (!isGet || tries === mostTries || !retriedStatuses.has(head.status)) return head;
        delayMs = retryDelayMs(
          tries,
          parseRetryAfterMs(head.headers["retry-after"], deps.clock.now()),
          deps.random.fraction(),
        );
        if (delayMs === undefined) return head;
        discard(head.body);
      } catch (error) {
        if (!(error instanceof NetworkError) || error.reason !== "connection" || tries === mostTries) throw error;
        if (!isGet && !isUnreachable(error)) throw error;
        delayMs = retryDelayMs(tries, undefined, deps.random.fraction()) ?? 0;
      }
      await wait(delayMs, hop.options.signal);
    }
  }

  async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await deps.clock.sleep(ms, signal);
    } catch (cause) {
      throw new NetworkError("aborted", "the request was given up", { cause });
    }
  }

  function answer({ url, options }: Hop, head: Head): UpstreamResponse {
    const body = head.body as Readable;
    const declared = Number(head.headers["content-length"] ?? 0);
    try {
      if (declared > options.maxBytes + 64 * 1024)
        throw new NetworkError("too-large", `${url.host}: the body is larger than ${options.maxBytes} bytes`);
      const isEmpty = head.status === 204 || head.status === 304;
      const encoding = options.decode && !isEmpty ? encodingOf(head.headers["content-encoding"]) : undefined;
      const toError = (error: unknown): NetworkError =>
        toNetworkError(error, "body", url.host, options.signal?.aborted === true);
      const limited = limitBody({ clock: deps.clock, toError }, body, {
        encoding,
        maxBytes: options.maxBytes,
        patienceMs: idleMsOf(options),
      });
      return { status: head.status, headers: head.headers, url: url.href, body: limited };
    } catch (error) {
      discard(head.body);
      throw error;
    }
  }

  return {
    async request(target, options) {
      let url = routes.resolve(target);
      for (let hops = 0; ; hops += 1) {
        const hop: Hop = { url, options };
        const head = await ask(hop);
        if (!redirectStatuses.has(head.status)) return answer(hop, head);
        discard(head.body);
        if (hops === maxRedirects)
          throw new NetworkError("redirects", `${url.host} redirects more than ${maxRedirects} times`);
        if (options.method === "POST" && head.status < 307)
          throw new NetworkError("redirects", `${url.host} redirects a POST with ${head.status}`);
        url = routes.follow(url, head.headers["location"]);
      }
    },
    async [Symbol.asyncDispose]() {
      await dispatchers.close();
    },
  };
}

/** Reads a small rest so that the connection can be used again, and cuts a long one off. */
function discard(body: Head["body"]): void {
  body.dump({ limit: 16 * 1024 }).catch(() => {});
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return result;
}
