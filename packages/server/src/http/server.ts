import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { AssayError } from "@assay/core";
import { fastify as createFastify, type FastifyInstance, type FastifyPluginCallback } from "fastify";
import type { Clock } from "../platform/clock.ts";
import type { Random } from "../platform/random.ts";
import type { Telemetry } from "../platform/telemetry/telemetry.ts";
import type { AccessLog } from "./access-log.ts";
import { addBodyParser } from "./body.ts";
import { readCredentials, type Credentials } from "./credentials.ts";
import { createErrorResponder, rawRefusal, strictPolicy, type ErrorDeps, type ErrorResponder } from "./errors.ts";
import { exchangeOf } from "./exchange.ts";
import { createFrontDoor } from "./front-door.ts";
import { healthRoutes, type ReadinessCheck } from "./health.ts";
import { createHttpMetrics } from "./http-metrics.ts";
import { addNotFound } from "./not-found.ts";
import { maxTargetBytes } from "./path.ts";
import { createClientAddress } from "./peers.ts";
import type { ReadyAnswers } from "./ready.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The public URL under which this request came in, no trailing slash. Part of every cache key. */
    readonly base: string;
    /** What it shows of who sends it; read anew at each use. */
    readonly credentials: Credentials;
  }
  interface FastifyContextConfig {
    /** `stream`: the handler reads the raw body itself, whatever its type and size. `form`: a form of our own pages. */
    body?: "stream" | "form";
    /** The path holds a secret: only the route's pattern is logged. */
    secretPath?: true;
  }
}

export interface HttpServerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Undefined: no access log. */
  readonly accessLog: AccessLog | undefined;
  readonly renderErrorPage: ErrorDeps["renderErrorPage"];
  readonly readMoreUrl: ErrorDeps["readMoreUrl"];
}

export interface HttpServerOptions {
  /** As in Config: normalised, the first is canonical. A port of 0 stands for the port listened on. */
  readonly publicUrls: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly routes: readonly FastifyPluginCallback[];
  readonly readiness: readonly ReadinessCheck[];
  readonly limits: HttpLimits;
  /** Finished answers, looked for before routing. */
  readonly ready?: ReadyAnswers;
}

export interface HttpLimits {
  /** All request headers together, bytes. */
  readonly headerBytes: number;
  /** A request body, unless its route sets `bodyLimit`. */
  readonly bodyBytes: number;
  readonly headersTimeoutMs: number;
  /** The whole request, body included. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** Simultaneous connections; more are closed at once. */
  readonly connections: number;
  /** How often slow clients are looked for. */
  readonly sweepMs: number;
  /** No client is called slow before this. */
  readonly slowGraceMs: number;
  readonly slowBytesPerSecond: number;
}

export const defaultHttpLimits: HttpLimits = {
  headerBytes: 16 * 1024,
  bodyBytes: 1024 * 1024,
  headersTimeoutMs: 20_000,
  requestTimeoutMs: 300_000,
  // Above the 60 s of common load balancers: the side that opened a connection must be the one that ends it.
  keepAliveTimeoutMs: 65_000,
  connections: 10_000,
  sweepMs: 2000,
  slowGraceMs: 15_000,
  slowBytesPerSecond: 4096,
};

export interface HttpServer extends AsyncDisposable {
  /** Starts to accept connections. Rejects when the address is taken. */
  listen(address: {
    readonly host: string;
    readonly port: number;
  }): Promise<{ readonly host: string; readonly port: number }>;
  /** The public URLs, with the real port once it is listening. */
  readonly publicUrls: readonly string[];
  /**
   * Stops accepting, closes idle connections, lets requests under way finish for at most `graceMs`, then cuts
   * what is left. Calling it again waits for the first call.
   */
  close(graceMs: number): Promise<void>;
}

/** The front door: one HTTP server whose requests pass `createFrontDoor` before Fastify sees them. */
export async function createHttpServer(deps: HttpServerDeps, options: HttpServerOptions): Promise<HttpServer> {
  const { limits } = options;
  const { log, metrics } = deps.telemetry;
  const errors = createErrorResponder({ ...deps, log });
  const httpMetrics = createHttpMetrics(metrics);
  const door = createFrontDoor({ ...deps, errors, httpMetrics }, options);
  const stopSweep = new AbortController();
  let publicUrls = options.publicUrls;
  let closing: Promise<void> | undefined;

  const fastify = createFastify({
    logger: false,
    requestIdHeader: false,
    return503OnClosing: false,
    bodyLimit: limits.bodyBytes,
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, limits),
    routerOptions: {
      maxParamLength: maxTargetBytes,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      caseSensitive: true,
    },
    serverFactory: (handler) => createNodeServer(limits, (request, response) => door.admit(request, response, handler)),
  });
  const server = fastify.server;
  server.maxConnections = limits.connections;
  addFrame(fastify, options, errors);
  await fastify.register(
    healthRoutes({ metrics, readiness: options.readiness, isClosing: () => closing !== undefined }),
  );
  for (const route of options.routes) await fastify.register(route);
  await fastify.ready();

  const sweep = async (): Promise<void> => {
    while (!stopSweep.signal.aborted) {
      await deps.clock.sleep(limits.sweepMs, stopSweep.signal);
      door.dropSlowClients(limits);
    }
  };

  const close = async (graceMs: number): Promise<void> => {
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
    door.drain(() => server.closeIdleConnections());
    const enough = new AbortController();
    await Promise.race([stopped, deps.clock.sleep(graceMs, enough.signal).catch(() => undefined)]);
    enough.abort();
    server.closeAllConnections();
    await stopped;
    stopSweep.abort();
    await fastify.close();
    await deps.accessLog?.flush();
  };

  const httpServer: HttpServer = {
    get publicUrls() {
      return publicUrls;
    },
    async listen(address) {
      await listenOn(server, address);
      const { address: host, port } = server.address() as AddressInfo;
      publicUrls = publicUrls.map((url) => url.replace(/^(https?:\/\/[^/]*):0(?=\/|$)/, `$1:${port}`));
      door.setPublicUrls(publicUrls);
      void sweep().catch(() => undefined);
      return { host, port };
    },
    close(graceMs) {
      closing ??= close(graceMs);
      return closing;
    },
    async [Symbol.asyncDispose]() {
      await httpServer.close(0);
    },
  };
  return httpServer;
}

function createNodeServer(
  limits: HttpLimits,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  return createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(5000, limits.headersTimeoutMs),
      insecureHTTPParser: false,
      // The front door refuses a missing Host with a sentence, and two of them.
      requireHostHeader: false,
      noDelay: true,
    },
    listener,
  );
}

/** Everything that holds for all routes: parsing, errors, headers, names for the log. */
function addFrame(
  fastify: FastifyInstance,
  { limits, trustedProxies }: Pick<HttpServerOptions, "limits" | "trustedProxies">,
  errors: ErrorResponder,
): void {
  const clientAddress = createClientAddress(trustedProxies);
  addBodyParser(fastify, limits.bodyBytes);
  // A getter on the prototype costs nothing for requests that do not ask.
  fastify.decorateRequest("base", {
    getter() {
      return exchangeOf(this.raw).base;
    },
  });
  fastify.decorateRequest("credentials", {
    getter() {
      return readCredentials(this.raw, clientAddress(this.raw), exchangeOf(this.raw).base);
    },
  });
  fastify.setErrorHandler((error, request, reply) => {
    reply.hijack();
    errors.answer(request.raw, reply.raw, error);
  });
  // Not for `sendBytes`, which brings its own.
  fastify.addHook("onSend", (_request, reply, payload, done) => {
    reply.header("x-content-type-options", "nosniff");
    if (String(reply.getHeader("content-type") ?? "").startsWith("text/html")) {
      if (!reply.hasHeader("content-security-policy")) reply.header("content-security-policy", strictPolicy);
      if (!reply.hasHeader("referrer-policy")) reply.header("referrer-policy", "no-referrer");
    }
    done(null, payload);
  });
  fastify.addHook("onRoute", (route) => {
    const { handler, url, config } = route;
    const secretPath = config?.secretPath === true;
    // A wrapped handler is cheaper than a hook on every request.
    route.handler = function (request, reply) {
      const exchange = exchangeOf(request.raw);
      exchange.route = url;
      exchange.secretPath = secretPath;
      const result: unknown = handler.call(this, request, reply);
      // After `hijack` Fastify drops what a handler throws; the error must still be logged and the connection cut.
      if (!(result instanceof Promise)) return result;
      return result.catch((error: unknown) => {
        if (!reply.sent) throw error;
        errors.answer(request.raw, reply.raw, error);
      });
    };
  });
  addNotFound(fastify);
}

function listenOn(server: Server, address: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address.host, port: address.port, backlog: 1024 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Bytes came in that are no request, or too many, or too late: one refusal, then the end. */
function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket, limits: HttpLimits): void {
  if (!socket.writable || socket.destroyed || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  socket.end(rawRefusal(brokenRequest(error, limits)), () => socket.destroy());
}

function brokenRequest(error: Error & { readonly code?: string }, limits: HttpLimits): AssayError {
  const cause = { cause: error };
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return new AssayError("HEADERS_TOO_LARGE", { limitBytes: limits.headerBytes }, cause);
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new AssayError("REQUEST_TIMEOUT", { reason: "headers or body came too slowly" }, cause);
    default:
      return new AssayError("BAD_REQUEST", { reason: "it is not HTTP/1.1 as RFC 9112 has it" }, cause);
  }
}
