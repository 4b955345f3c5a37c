import type { IncomingMessage, ServerResponse } from "node:http";
import { AssayError } from "@assay/core";
import type { Clock } from "../platform/clock.ts";
import type { Logger, Telemetry } from "../platform/telemetry/telemetry.ts";
import { loggedPath, type AccessLog } from "./access-log.ts";
import { createBases } from "./base.ts";
import type { ErrorResponder } from "./errors.ts";
import { setExchange, type Exchange } from "./exchange.ts";
import { anyHostPaths } from "./health.ts";
import type { HttpMetrics } from "./http-metrics.ts";
import { readPath } from "./path.ts";
import type { ReadyAnswers } from "./ready.ts";
import { slowSide } from "./slow-clients.ts";

export interface FrontDoorDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly accessLog: AccessLog | undefined;
  readonly errors: ErrorResponder;
  readonly httpMetrics: HttpMetrics;
}

/** What every request passes before the framework sees it. */
export interface FrontDoor {
  /** Chooses the base, makes the URL canonical and hands the request on, or refuses it. */
  admit(
    request: IncomingMessage,
    response: ServerResponse,
    next: (request: IncomingMessage, response: ServerResponse) => void,
  ): void;
  setPublicUrls(urls: readonly string[]): void;
  /** Cuts the connections of clients that send or read too slowly. */
  dropSlowClients(limits: { readonly slowGraceMs: number; readonly slowBytesPerSecond: number }): void;
  /** From now on every response ends its connection; `closeIdle` is called whenever one has ended. */
  drain(closeIdle: () => void): void;
}

export function createFrontDoor(
  deps: FrontDoorDeps,
  options: {
    readonly publicUrls: readonly string[];
    readonly trustedProxies: readonly string[];
    readonly ready?: ReadyAnswers | undefined;
  },
): FrontDoor {
  const { clock, errors, httpMetrics } = deps;
  const log: Logger = deps.telemetry.log;
  const underWay = new Set<Exchange>();
  let bases = createBases(options.publicUrls, options.trustedProxies);
  let closeIdle: (() => void) | undefined;

  const finish = (exchange: Exchange): void => {
    underWay.delete(exchange);
    httpMetrics.inFlight.set(underWay.size);
    const { request, response } = exchange;
    const method = request.method ?? "";
    const durationMs = clock.monotonicMs() - exchange.startedMs;
    httpMetrics.finished({ route: exchange.route, method, status: response.statusCode, seconds: durationMs / 1000 });
    deps.accessLog?.record({
      atMs: clock.now(),
      method,
      route: exchange.route,
      path: loggedPath(exchange),
      status: response.statusCode,
      aborted: !response.writableFinished,
      bytes: request.socket.bytesWritten - exchange.writtenBefore,
      durationMs,
      userAgent: request.headers["user-agent"],
    });
    // The socket counts as idle only after Node has handled the end of the response.
    if (closeIdle !== undefined) setImmediate(closeIdle);
  };

  return {
    admit(request, response, next) {
      const { socket } = request;
      const exchange: Exchange = {
        request,
        response,
        startedMs: clock.monotonicMs(),
        writtenBefore: socket.bytesWritten,
        readBefore: socket.bytesRead,
        base: bases.canonical,
        path: undefined,
        query: "",
        route: undefined,
        secretPath: false,
        flushedBytes: -1,
        stalledSinceMs: 0,
      };
      setExchange(request, exchange);
      underWay.add(exchange);
      httpMetrics.inFlight.set(underWay.size);
      response.on("close", () => finish(exchange));
      if (closeIdle !== undefined) response.setHeader("connection", "close");

      let target = request.url ?? "";
      if (!anyHostPaths.has(target)) {
        const choice = bases.choose(request);
        if (choice.outcome === "refused") {
          errors.answer(request, response, new AssayError("BAD_REQUEST", { reason: choice.reason }));
          return;
        }
        if (choice.outcome === "unknown") {
          errors.answer(request, response, new AssayError("WRONG_HOST", { host: choice.host.slice(0, 100) }));
          return;
        }
        exchange.base = choice.base;
        target = choice.target;
      }
      const read = readPath(target);
      if (!read.ok) {
        errors.answer(request, response, new AssayError("BAD_PATH", { reason: read.reason }));
        return;
      }
      exchange.path = read.path;
      exchange.query = read.query;
      request.url = read.url;
      if (options.ready !== undefined && (request.method === "GET" || request.method === "HEAD") && read.query === "") {
        const answer = options.ready(request, exchange);
        if (answer !== undefined) {
          exchange.route = answer.route;
          response.writeHead(answer.status, answer.head as unknown as string[]);
          response.end(request.method === "HEAD" ? undefined : answer.bytes);
          return;
        }
      }
      next(request, response);
    },

    setPublicUrls(urls) {
      bases = createBases(urls, options.trustedProxies);
    },

    dropSlowClients(limits) {
      const nowMs = clock.monotonicMs();
      const rate = { graceMs: limits.slowGraceMs, minBytesPerSecond: limits.slowBytesPerSecond };
      for (const exchange of underWay) {
        const side = slowSide(exchange, nowMs, rate);
        if (side === undefined) continue;
        httpMetrics.slowClients.add(1, { direction: side });
        log.debug("cut the connection of a slow client", { direction: side, "http.route": exchange.route });
        exchange.request.socket.destroy();
      }
    },

    drain(callback) {
      closeIdle = callback;
      for (const { response } of underWay) {
        if (!response.headersSent) response.setHeader("connection", "close");
      }
      callback();
    },
  };
}
