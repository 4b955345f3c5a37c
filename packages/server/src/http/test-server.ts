/** A real server with routes shaped like those of a registry, and a client that sends raw bytes. For tests only. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { AssayError } from "@assay/core";
import type { FastifyPluginCallback } from "fastify";
import { createSystemClock } from "../platform/system-clock.ts";
import { createSystemRandom } from "../platform/system-random.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import type { LogFields } from "../platform/telemetry/telemetry.ts";
import { createAccessLog } from "./access-log.ts";
import type { ReadyAnswers } from "./ready.ts";
import { formOf } from "./form.ts";
import { finishedHead, sendBytes, sendStream } from "./send.ts";
import { createHttpServer, defaultHttpLimits, type HttpLimits } from "./server.ts";

export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const clock = createSystemClock();
const bytes = Buffer.from("0123456789");
const head = finishedHead({ "content-type": "application/octet-stream", etag: '"x"' }, bytes.length);

async function measure(body: Readable): Promise<{ size: number }> {
  let size = 0;
  for await (const chunk of body) size += (chunk as Buffer).length;
  return { size };
}

/** Routes shaped like those of a registry. */
const routes: FastifyPluginCallback = (fastify, _options, done) => {
  fastify.get("/", (_request, reply) => void reply.type("text/html").send("<h1>Front page</h1>"));
  fastify.get(
    "/:pkg",
    (request, reply) =>
      void reply.send({ pkg: (request.params as { pkg: string }).pkg, base: request.base, url: request.url }),
  );
  fastify.get("/:pkg/-/:file", (request, reply) => {
    const { pkg, file } = request.params as { pkg: string; file: string };
    if (file === "blocked.tgz")
      throw new AssayError("BLOCKED", { rule: "R7", reason: "malwäre\nreported", name: pkg, version: "1.0.0" });
    sendBytes(request, reply, { status: 200, head, bytes });
  });
  fastify.get("/:pkg/:version", (request, reply) => void reply.send(request.params));
  fastify.get("/-/log/", (_request, reply) => void reply.send({ logs: [] }));
  fastify.post("/-/echo", (request, reply) => void reply.send({ body: request.body ?? null }));
  fastify.post("/-/form", { config: { body: "form" } }, (request, reply) =>
    reply.send({ user: formOf(request).text("user") }),
  );
  fastify.post("/-/small", { bodyLimit: 10 }, (request, reply) => void reply.send({ body: request.body }));
  fastify.put("/-/stream", { config: { body: "stream" } }, (request) => measure(request.raw));
  fastify.put("/-/tardy", { config: { body: "stream" } }, async () => {
    throw new AssayError("REQUEST_TIMEOUT", { reason: "nothing came" });
  });
  fastify.delete("/-/user/token/:token", async () => ({ ok: true }));
  fastify.get("/-/hidden/:id", { config: { secretPath: true } }, async () => ({}));
  fastify.get("/-/fails", async () => {
    throw new Error("the password is hunter2");
  });
  fastify.get("/-/inner", async () => {
    throw new AssayError("DATABASE", { reason: "table secrets is locked" });
  });
  fastify.get("/-/later", async () => {
    throw new AssayError("UPSTREAM_UNAVAILABLE", { source: "npm", reason: "refused", retryAfterSeconds: 30 });
  });
  fastify.get("/-/busy", async () => {
    throw new AssayError("TOO_MANY_REQUESTS", { retryAfterSeconds: 0.2 });
  });
  fastify.get("/-/slow", async () => clock.sleep(150).then(() => ({ done: true })));
  fastify.get("/-/never", () => {});
  fastify.get("/-/huge", (request, reply) =>
    sendBytes(request, reply, { status: 200, head: finishedHead({}, 64 << 20), bytes: Buffer.alloc(64 << 20) }),
  );
  fastify.get("/-/broken-stream", (request, reply) => {
    async function* source() {
      yield Buffer.from("half");
      await clock.sleep(20);
      throw new Error("the disk is gone");
    }
    return sendStream(request, reply, {
      status: 200,
      head: finishedHead({}, undefined),
      stream: Readable.from(source()),
    });
  });
  fastify.get("/-/two-parts", (request, reply) => {
    async function* source() {
      yield Buffer.from("one");
      await clock.sleep(60);
      yield Buffer.from("two");
    }
    return sendStream(request, reply, {
      status: 200,
      head: finishedHead({}, undefined),
      stream: Readable.from(source()),
    });
  });
  fastify.get("/-/endless", (request, reply) => {
    async function* source() {
      for (;;) {
        yield Buffer.alloc(1000);
        await clock.sleep(5);
      }
    }
    return sendStream(request, reply, {
      status: 200,
      head: finishedHead({}, undefined),
      stream: Readable.from(source()),
    });
  });
  done();
};

export async function start(
  change: {
    limits?: Partial<HttpLimits>;
    publicUrls?: readonly string[];
    trustedProxies?: readonly string[];
    ready?: () => string | undefined;
    finished?: ReadyAnswers;
  } = {},
) {
  const logged: { message: string; fields: LogFields | undefined }[] = [];
  const lines: string[] = [];
  const note = (message: string, fields?: LogFields) => void logged.push({ message, fields });
  const metrics = createMetrics({ processMetrics: false });
  const accessLog = createAccessLog({ clock, sink: async (text) => void lines.push(...text.trimEnd().split("\n")) });
  const server = await createHttpServer(
    {
      clock,
      random: createSystemRandom(),
      telemetry: { log: { debug: note, info: note, warn: note, error: note }, metrics },
      accessLog,
      renderErrorPage: (page) => `<!doctype html><title>${page.status}</title>`,
      readMoreUrl: (error, base) => (error.code === "BLOCKED" ? `${base}/why` : undefined),
    },
    {
      publicUrls: change.publicUrls ?? ["http://127.0.0.1:0"],
      trustedProxies: change.trustedProxies ?? [],
      routes: [routes],
      readiness: [{ name: "database", check: async () => change.ready?.() }],
      limits: { ...defaultHttpLimits, ...change.limits },
      ...(change.finished === undefined ? {} : { ready: change.finished }),
    },
  );
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return { server, port, logged, lines, accessLog, metrics };
}

export type Started = Awaited<ReturnType<typeof start>>;

/** Sends raw bytes and reads until the connection ends. */
export async function raw(port: number, text: string | Uint8Array): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

export function parse(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...headerLines] = text.slice(0, end).split("\r\n");
  const match = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(first);
  assert.ok(match !== null, `not an answer: ${JSON.stringify(text.slice(0, 200))}`);
  const headers = Object.fromEntries(
    headerLines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
  );
  return {
    status: Number(match[1]),
    reason: match[2] ?? "",
    headers,
    body: Buffer.from(text.slice(end + 4), "latin1").toString("utf8"),
  };
}

export async function ask(
  started: Started,
  target: string,
  options: { method?: string; host?: string; headers?: readonly string[]; body?: Uint8Array | string } = {},
): Promise<Answer> {
  const body = Buffer.from(options.body ?? "");
  const lines = [
    `${options.method ?? "GET"} ${target} HTTP/1.1`,
    `Host: ${options.host ?? `127.0.0.1:${started.port}`}`,
    "Connection: close",
    ...(options.headers ?? []),
    ...(options.body === undefined ? [] : [`Content-Length: ${body.length}`]),
    "",
    "",
  ];
  return parse(await raw(started.port, Buffer.concat([Buffer.from(lines.join("\r\n"), "utf8"), body])));
}

export const json = (answer: Answer): Record<string, unknown> => JSON.parse(answer.body) as Record<string, unknown>;

export async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await clock.sleep(10);
}
