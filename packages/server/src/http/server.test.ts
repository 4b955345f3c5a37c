import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { after, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { AssayError } from "@assay/core";
import type { FastifyPluginCallback } from "fastify";
import { createSystemClock } from "../platform/system-clock.ts";
import { createSystemRandom } from "../platform/system-random.ts";
import { createMetrics } from "../platform/telemetry/metrics.ts";
import type { LogFields } from "../platform/telemetry/telemetry.ts";
import { createAccessLog } from "./access-log.ts";
import { finishedHead, sendBytes, sendStream } from "./send.ts";
import { createHttpServer, defaultHttpLimits, type HttpLimits } from "./server.ts";

interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const bytes = Buffer.from("0123456789");
const head = finishedHead({ "content-type": "application/octet-stream", etag: '"x"' }, bytes.length);

/** Routes shaped like those of a registry. */
const routes: FastifyPluginCallback = (fastify, _options, done) => {
  fastify.get("/", (_request, reply) => void reply.type("text/html").send("<h1>Front page</h1>"));
  fastify.get("/:pkg", (request, reply) => void reply.send({ pkg: (request.params as { pkg: string }).pkg, base: request.base, url: request.url }));
  fastify.get("/:pkg/-/:file", (request, reply) => {
    const { pkg, file } = request.params as { pkg: string; file: string };
    if (file === "blocked.tgz") throw new AssayError("BLOCKED", { rule: "R7", reason: "malwäre\nreported", name: pkg, version: "1.0.0" });
    sendBytes(request, reply, { status: 200, head, bytes });
  });
  fastify.get("/-/log/", (_request, reply) => void reply.send({ logs: [] }));
  fastify.post("/-/echo", async (request) => ({ body: request.body ?? null }));
  fastify.post("/-/small", { bodyLimit: 10 }, async (request) => ({ body: request.body }));
  fastify.put("/-/stream", { config: { body: "stream" } }, async (request) => {
    let size = 0;
    for await (const chunk of request.raw) size += (chunk as Buffer).length;
    return { size };
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
  fastify.get("/-/slow", async () => new Promise((resolve) => setTimeout(() => resolve({ done: true }), 150)));
  fastify.get("/-/never", () => {});
  fastify.get("/-/huge", (request, reply) => sendBytes(request, reply, { status: 200, head: finishedHead({}, 64 << 20), bytes: Buffer.alloc(64 << 20) }));
  fastify.get("/-/broken-stream", (request, reply) => {
    async function* source() {
      yield Buffer.from("half");
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new Error("the disk is gone");
    }
    return sendStream(request, reply, { status: 200, head: finishedHead({}, undefined), stream: Readable.from(source()) });
  });
  done();
};

async function start(change: { limits?: Partial<HttpLimits>; publicUrls?: readonly string[]; trustedProxies?: readonly string[]; ready?: () => string | undefined } = {}) {
  const logged: { message: string; fields: LogFields | undefined }[] = [];
  const lines: string[] = [];
  const note = (message: string, fields?: LogFields) => void logged.push({ message, fields });
  const metrics = createMetrics({ processMetrics: false });
  const clock = createSystemClock();
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
    },
  );
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return { server, port, logged, lines, accessLog, metrics };
}

type Started = Awaited<ReturnType<typeof start>>;

/** Sends raw bytes and reads until the connection ends. */
async function raw(port: number, text: string | Uint8Array): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

function parse(text: string): Answer {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...headerLines] = text.slice(0, end).split("\r\n");
  const match = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(first);
  assert.ok(match !== null, `not an answer: ${JSON.stringify(text.slice(0, 200))}`);
  const headers = Object.fromEntries(headerLines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]));
  return { status: Number(match[1]), reason: match[2] ?? "", headers, body: Buffer.from(text.slice(end + 4), "latin1").toString("utf8") };
}

async function ask(started: Started, target: string, options: { method?: string; host?: string; headers?: readonly string[]; body?: Uint8Array | string } = {}): Promise<Answer> {
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

const json = (answer: Answer): Record<string, unknown> => JSON.parse(answer.body) as Record<string, unknown>;

describe("one server", async () => {
  const one = await start();
  after(() => one.server[Symbol.asyncDispose]());

  test("hands the canonical URL to the routes, whatever the spelling", async () => {
    for (const target of ["/@s/n", "/@s%2fn", "/@s%2Fn"]) {
      const answer = await ask(one, target);
      assert.equal(answer.status, 200);
      assert.deepEqual(json(answer), { pkg: "@s/n", base: `http://127.0.0.1:${one.port}`, url: "/@s%2Fn" });
    }
    assert.equal(json(await ask(one, "/-/log/"))["logs"] !== undefined, true);
  });

  test("long legal names reach their route", async () => {
    const name = "a".repeat(512);
    assert.equal(json(await ask(one, `/${name}`))["pkg"], name);
  });

  test("refuses a path that can be read in two ways before any route sees it", async () => {
    for (const target of ["/%2e%2e%2fetc", "/../-/ping", "//-/ping", "/foo%ZZ", "/foo%00bar", "/foo\\bar", "/foo/", "http://127.0.0.1/vite", "*"]) {
      const answer = await ask(one, target);
      assert.equal(answer.status, 400, target);
      assert.equal(json(answer)["code"], "BAD_PATH", target);
    }
  });

  test("a refusal says the same sentence in the reason phrase, the body and npm-notice", async () => {
    const answer = await ask(one, "/evil/-/blocked.tgz");
    const sentence = `Blocked evil@1.0.0 by rule R7: malw?re?reported. http://127.0.0.1:${one.port}/why`;
    assert.equal(answer.status, 403);
    assert.equal(answer.reason, sentence);
    assert.equal(answer.headers["npm-notice"], sentence);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.deepEqual(json(answer), {
      rule: "R7",
      reason: "malwäre\nreported",
      name: "evil",
      version: "1.0.0",
      url: `http://127.0.0.1:${one.port}/why`,
      error: sentence,
      message: sentence,
      code: "BLOCKED",
    });
  });

  test("a person gets a page, under a strict policy", async () => {
    const answer = await ask(one, "/evil/-/blocked.tgz", { headers: ["Accept: text/html,*/*;q=0.8"] });
    assert.equal(answer.status, 403);
    assert.match(answer.headers["content-type"] ?? "", /^text\/html/);
    assert.match(answer.headers["content-security-policy"] ?? "", /default-src 'none'/);
    assert.equal(answer.body, "<!doctype html><title>403</title>");
    const page = await ask(one, "/");
    assert.match(page.headers["content-security-policy"] ?? "", /default-src 'none'/);
    assert.equal(page.headers["x-content-type-options"], "nosniff");
    assert.equal(page.headers["referrer-policy"], "no-referrer");
  });

  test("what fails inside stays inside: an id goes out, one line goes to the log", async () => {
    for (const target of ["/-/fails", "/-/inner"]) {
      one.logged.length = 0;
      const answer = await ask(one, target);
      assert.equal(answer.status, 500);
      assert.equal(json(answer)["code"], "INTERNAL");
      assert.doesNotMatch(JSON.stringify(answer), /hunter2|locked/);
      assert.equal(one.logged.length, 1);
      assert.equal(one.logged[0]?.fields?.["error.id"], json(answer)["id"]);
    }
  });

  test("429 and 503 always say when to come back, in whole seconds from 1", async () => {
    assert.equal((await ask(one, "/-/later")).headers["retry-after"], "30");
    assert.equal((await ask(one, "/-/busy")).headers["retry-after"], "1");
  });

  test("an unknown path is 404, another method is 405 with what is allowed", async () => {
    const missing = await ask(one, "/-/nothing/here");
    assert.equal(missing.status, 404);
    assert.equal(missing.reason, "/-/nothing/here was not found.");
    assert.equal((await ask(one, "/-/nothing")).status, 404);
    assert.equal((await ask(one, "/-/")).status, 400);
    assert.equal((await ask(one, "/-")).status, 404);
    assert.equal((await ask(one, "/a/b/c/d")).status, 404);
    for (const [method, target, allow] of [
      ["PUT", "/vite", "GET, HEAD"],
      ["POST", "/-/ping", "GET, HEAD"],
      ["GET", "/-/echo", "POST"],
      ["PUT", "/-/log/", "GET, HEAD"],
      ["TRACE", "/vite", "GET, HEAD"],
      ["PROPFIND", "/vite", "GET, HEAD"],
    ] as const) {
      const answer = await ask(one, target, { method });
      assert.equal(answer.status, 405, `${method} ${target}`);
      assert.equal(answer.headers["allow"], allow);
    }
    assert.equal((await ask(one, "/-/echo", { method: "POST", body: "{}", headers: ["X-HTTP-Method-Override: DELETE", "Content-Type: application/json"] })).status, 200);
  });

  test("HEAD gets the head of GET alone", async () => {
    const answer = await ask(one, "/vite/-/vite-1.0.0.tgz", { method: "HEAD" });
    assert.equal(answer.headers["content-length"], "10");
    assert.equal(answer.body, "");
    const refusal = await ask(one, "/evil/-/blocked.tgz", { method: "HEAD" });
    assert.equal(refusal.status, 403);
    assert.equal(refusal.body, "");
  });

  test("sends bytes in one go with nosniff and without a name of the software", async () => {
    const answer = await ask(one, "/vite/-/vite-1.0.0.tgz");
    assert.equal(answer.body, "0123456789");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
    assert.equal(answer.headers["x-powered-by"] ?? answer.headers["server"], undefined);
  });

  test("parses JSON bodies of the exact type, plain and gzip", async () => {
    const body = '{"a":[1]}';
    for (const type of ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"']) {
      assert.deepEqual(json(await ask(one, "/-/echo", { method: "POST", body, headers: [`Content-Type: ${type}`] })), { body: { a: [1] } }, type);
    }
    const zipped = await ask(one, "/-/echo", { method: "POST", body: gzipSync(body), headers: ["Content-Type: application/json", "Content-Encoding: gzip"] });
    assert.deepEqual(json(zipped), { body: { a: [1] } });
    assert.deepEqual(json(await ask(one, "/-/echo", { method: "POST" })), { body: null });
    assert.deepEqual(json(await ask(one, "/-/echo", { method: "POST", body: "" })), { body: null });
  });

  test("refuses bodies of other types and encodings", async () => {
    for (const headers of [
      ["Content-Type: text/plain"],
      ["Content-Type: application/json\tx"],
      ["Content-Type: application/json; charset=utf-16"],
      ["Content-Type: application/json, application/json"],
      ["Content-Type: application/jsonx"],
      ["Content-Type: "],
      [],
      ["Content-Type: application/json", "Content-Encoding: br"],
      ["Content-Type: application/json", "Content-Encoding: gzip, gzip"],
    ]) {
      const answer = await ask(one, "/-/echo", { method: "POST", body: "{}", headers });
      assert.equal(answer.status, 415, JSON.stringify(headers));
      assert.equal(json(answer)["code"], "UNSUPPORTED_MEDIA_TYPE");
    }
  });

  test("refuses bodies that are not what they say", async () => {
    const type = "Content-Type: application/json";
    for (const [body, headers] of [
      ["{", [type]],
      ["{}x", [type]],
      [Buffer.from([0x22, 0xff, 0x22]), [type]],
      ['{"__proto__":{}}', [type]],
      ['{"a":{"\\u005f_proto__":1}}', [type]],
      ["[".repeat(200_000), [type]],
      ["not gzip", [type, "Content-Encoding: gzip"]],
    ] as const) {
      assert.equal((await ask(one, "/-/echo", { method: "POST", body, headers })).status, 400);
    }
  });

  test("stops reading at the limit, also behind gzip and in chunks", async () => {
    const type = "Content-Type: application/json";
    const tooMuch = JSON.stringify("a".repeat(1024 * 1024));
    assert.equal((await ask(one, "/-/echo", { method: "POST", body: tooMuch, headers: [type] })).status, 413);
    assert.equal((await ask(one, "/-/echo", { method: "POST", body: gzipSync(tooMuch), headers: [type, "Content-Encoding: gzip"] })).status, 413);
    assert.equal((await ask(one, "/-/small", { method: "POST", body: '"12345678"', headers: [type] })).status, 200);
    assert.equal((await ask(one, "/-/small", { method: "POST", body: '"123456789"', headers: [type] })).status, 413);
    const chunked = await raw(one.port, `POST /-/small HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\nConnection: close\r\n${type}\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n"123456789"\r\n0\r\n\r\n`);
    assert.equal(parse(chunked).status, 413);
  });

  test("a route may take the raw body itself", async () => {
    assert.deepEqual(json(await ask(one, "/-/stream", { method: "PUT", body: "x".repeat(2 << 20), headers: ["Content-Type: any/thing"] })), { size: 2 << 20 });
  });

  test("a stream that breaks cuts the connection, so that a part is never taken for the whole", async () => {
    const text = await raw(one.port, `GET /-/broken-stream HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
    assert.match(text, /half/);
    assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
  });

  test("what is no HTTP gets one refusal and the end of the connection", async () => {
    const garbage = parse(await raw(one.port, "EHLO mail\r\n\r\n"));
    assert.equal(garbage.status, 400);
    assert.equal(json(garbage)["code"], "BAD_REQUEST");
    const smuggled = parse(await raw(one.port, `POST /-/echo HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`));
    assert.equal(smuggled.status, 400);
    const large = parse(await raw(one.port, `GET /vite HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`));
    assert.equal(large.status, 431);
    assert.equal((await ask(one, `/${"a".repeat(2048)}`)).status, 400);
  });

  test("health and metrics answer for any Host; ping is part of the API", async () => {
    assert.deepEqual(json(await ask(one, "/-/health/live", { host: "10.0.0.1" })), { status: "live" });
    assert.deepEqual(json(await ask(one, "/-/health/ready", { host: "whatever" })), { status: "ready" });
    assert.match((await ask(one, "/-/metrics", { host: "10.0.0.1:9" })).body, /assay_http_requests_total\{route="\/:pkg",method="GET",status="2xx"\}/);
    assert.deepEqual(json(await ask(one, "/-/ping")), {});
    assert.equal((await ask(one, "/-/ping", { host: "whatever" })).status, 421);
  });

  test("logs requests in batches without secrets", async () => {
    await one.accessLog.flush();
    one.lines.length = 0;
    await ask(one, "/-/user/token/npm_secret", { method: "DELETE" });
    await ask(one, "/-/hidden/secret-id");
    await ask(one, "/vite?write=true&text=secret&size=20", { headers: [`User-Agent: ${"a".repeat(500)}`] });
    await ask(one, "/-/user//token/npm_secret");
    await waitFor(async () => one.accessLog.flush().then(() => one.lines.length >= 4));
    const entries = one.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.doesNotMatch(one.lines.join(), /secret(?!\])/);
    assert.deepEqual(entries.map((entry) => [entry["route"], entry["path"], entry["status"]]), [
      ["/-/user/token/:token", "/-/user/token/[secret]", 200],
      ["/-/hidden/:id", undefined, 200],
      ["/:pkg", "/vite?write=true&size=20", 200],
      [undefined, undefined, 400],
    ]);
    assert.equal(entries[2]?.["agent"], "a".repeat(200));
    assert.ok(Number(entries[2]?.["bytes"]) > 100);
  });
});

describe("the base", async () => {
  const one = await start({
    publicUrls: ["https://reg.example.com", "https://reg.example.com/npm/main", "http://xn--bcher-kva.example:8080", "http://127.0.0.1:0", "http://both.example", "https://both.example"],
    trustedProxies: ["127.0.0.0/8"],
  });
  after(() => one.server[Symbol.asyncDispose]());
  const baseOf = async (target: string, host: string, headers: readonly string[] = []) => {
    const answer = await ask(one, target, { host, headers });
    return answer.status === 200 ? json(answer)["base"] : answer.status;
  };

  test("is the public URL whose host and prefix were asked for", async () => {
    assert.equal(await baseOf("/vite", "reg.example.com"), "https://reg.example.com");
    assert.equal(await baseOf("/vite", "REG.Example.com:443"), "https://reg.example.com");
    assert.equal(await baseOf("/npm/main/vite", "reg.example.com"), "https://reg.example.com/npm/main");
    assert.equal(await baseOf("/npm/main/@s/n", "reg.example.com"), "https://reg.example.com/npm/main");
    assert.equal(await baseOf("/vite", "xn--bcher-kva.example:8080"), "http://xn--bcher-kva.example:8080");
    assert.equal(await baseOf("/vite", "bücher.example:8080"), "http://xn--bcher-kva.example:8080");
    assert.equal(await baseOf("/vite", "BÜCHER.example:8080"), "http://xn--bcher-kva.example:8080");
    assert.equal(await baseOf("/vite", `127.0.0.1:${one.port}`), `http://127.0.0.1:${one.port}`);
    assert.deepEqual(one.server.publicUrls[3], `http://127.0.0.1:${one.port}`);
  });

  test("the prefix is a whole number of segments and its root is the registry", async () => {
    assert.equal((await ask(one, "/npm/main", { host: "reg.example.com" })).status, 200);
    assert.equal((await ask(one, "/npm/main/", { host: "reg.example.com" })).status, 200);
    assert.equal((await ask(one, "/npm/main?a=b", { host: "reg.example.com" })).status, 200);
    // Below the root of the same host these are other paths.
    assert.equal((await ask(one, "/npm/mainx/vite", { host: "reg.example.com" })).status, 404);
    assert.equal((await ask(one, "/npm/main/../vite", { host: "reg.example.com" })).status, 400);
    assert.equal((await ask(one, "/npm/main//vite", { host: "reg.example.com" })).status, 400);
  });

  test("any other host is 421", async () => {
    for (const host of ["evil.example", "reg.example.com:8443", "reg.example.com:80", "reg.example.com.", "xn--bcher-kva.example", "127.0.0.1:1", "a b", "reg.example.com@evil.example", "[::1]"]) {
      const answer = await ask(one, "/vite", { host });
      assert.ok(answer.status === 421 || (host === "a b" && answer.status === 400), `${host}: ${answer.status}`);
    }
  });

  test("a missing or second Host is refused", async () => {
    for (const lines of ["", "Host:\r\n", "Host: reg.example.com\r\nHost: reg.example.com\r\n", "Host: reg.example.com\r\nhost: evil.example\r\n"]) {
      const answer = parse(await raw(one.port, `GET /vite HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`));
      assert.equal(answer.status, 400);
    }
  });

  test("a trusted proxy may say which host and scheme were asked", async () => {
    assert.equal(await baseOf("/vite", "internal:1", ["X-Forwarded-Host: reg.example.com"]), "https://reg.example.com");
    assert.equal(await baseOf("/vite", "both.example"), "http://both.example");
    assert.equal(await baseOf("/vite", "both.example", ["X-Forwarded-Proto: https"]), "https://both.example");
    assert.equal(await baseOf("/vite", "reg.example.com", ["X-Forwarded-Proto: http"]), "https://reg.example.com");
    assert.equal(await baseOf("/vite", "internal:1", ["X-Forwarded-Host: evil.example"]), 421);
    assert.equal(await baseOf("/vite", "internal:1", ["X-Forwarded-Host: reg.example.com, evil.example"]), 400);
    assert.equal(await baseOf("/vite", "internal:1", ["X-Forwarded-Host: reg.example.com", "X-Forwarded-Host: reg.example.com"]), 400);
  });
});

test("X-Forwarded headers of a peer that is not trusted mean nothing", async () => {
  const one = await start({ publicUrls: ["http://a.example", "http://b.example"], trustedProxies: ["10.0.0.0/8", "::1/128"] });
  await using _server = one.server;
  const answer = await ask(one, "/vite", { host: "a.example", headers: ["X-Forwarded-Host: b.example"] });
  assert.equal(json(answer)["base"], "http://a.example");
});

test("is not ready while something is missing, and says what", async () => {
  let problem: string | undefined = "it is migrating";
  const one = await start({ ready: () => problem });
  await using _server = one.server;
  const answer = await ask(one, "/-/health/ready");
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["retry-after"], "1");
  assert.match(answer.reason, /database: it is migrating/);
  problem = undefined;
  assert.equal((await ask(one, "/-/health/ready")).status, 200);
});

test("a client that reads too slowly is cut off", async () => {
  const one = await start({ limits: { sweepMs: 20, slowGraceMs: 60, slowBytesPerSecond: 1e9 } });
  await using _server = one.server;
  const socket = connect(one.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET /-/huge HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
  socket.pause();
  await waitFor(async () => (await one.metrics.render()).includes('assay_http_slow_clients_total{direction="reading"} 1'));
  socket.destroy();
});

test("a client that sends its body too slowly is cut off, one that waits for us is not", async () => {
  const one = await start({ limits: { sweepMs: 20, slowGraceMs: 60, slowBytesPerSecond: 1000 } });
  await using _server = one.server;
  const patient = connect(one.port, "127.0.0.1");
  patient.write(`GET /-/never HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
  const text = await raw(one.port, `POST /-/echo HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`);
  assert.equal(text, "");
  assert.match(await one.metrics.render(), /assay_http_slow_clients_total\{direction="sending"\} 1/);
  assert.equal(patient.readyState, "open");
  patient.destroy();
});

test("headers that do not arrive in time end in 408", async () => {
  const one = await start({ limits: { headersTimeoutMs: 50, requestTimeoutMs: 100 } });
  await using _server = one.server;
  const answer = parse(await raw(one.port, "GET /vite HTTP/1.1\r\nHost:"));
  assert.equal(answer.status, 408);
});

test("closing lets requests under way finish, ends idle connections and accepts nobody", async () => {
  const one = await start();
  const idle = await keepAlive(one);
  const busy = connect(one.port, "127.0.0.1");
  let text = "";
  busy.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  busy.write(`GET /-/slow HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
  await waitFor(async () => (await one.metrics.render()).includes("assay_http_requests_in_flight 1"));
  const closed = Promise.all([once(busy, "close"), once(idle, "close")]);
  await one.server.close(5000);
  await closed;
  const answer = parse(text);
  assert.equal(answer.headers["connection"], "close");
  assert.deepEqual(json(answer), { done: true });
  await assert.rejects(once(connect(one.port, "127.0.0.1"), "connect"));
  await one.server.close(0);
});

test("closing cuts what does not finish in time", async () => {
  const one = await start();
  const stuck = connect(one.port, "127.0.0.1");
  stuck.on("error", () => {});
  stuck.write(`GET /-/never HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
  await waitFor(async () => (await one.metrics.render()).includes("assay_http_requests_in_flight 1"));
  const closed = once(stuck, "close");
  await one.server.close(20);
  await closed;
});

test("says so when the address is taken", async () => {
  const one = await start();
  await using _server = one.server;
  const other = await start({ publicUrls: ["http://127.0.0.1:1"] });
  await using _other = other.server;
  await assert.rejects(other.server.listen({ host: "127.0.0.1", port: one.port }), /EADDRINUSE|ERR_SERVER_ALREADY_LISTEN/);
});

/** A connection on which one request was answered and that stays open. */
async function keepAlive(one: Started): Promise<Socket> {
  const socket = connect(one.port, "127.0.0.1");
  socket.write(`GET /-/ping HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
  await once(socket, "data");
  return socket;
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

