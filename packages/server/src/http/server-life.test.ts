import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { ask, json, parse, raw, start, waitFor, type Started } from "./test-server.ts";

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
  await waitFor(async () =>
    (await one.metrics.render()).includes('assay_http_slow_clients_total{direction="reading"} 1'),
  );
  socket.destroy();
});

test("a client that sends its body too slowly is cut off, one that waits for us is not", async () => {
  const one = await start({ limits: { sweepMs: 20, slowGraceMs: 60, slowBytesPerSecond: 1000 } });
  await using _server = one.server;
  const patient = connect(one.port, "127.0.0.1");
  patient.write(`GET /-/never HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
  const text = await raw(
    one.port,
    `POST /-/echo HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`,
  );
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

test("closing ends a connection whose response had begun as soon as that is sent", { timeout: 10_000 }, async () => {
  const one = await start();
  const socket = connect(one.port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.write(`GET /-/two-parts HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
  await once(socket, "data");
  await one.server.close(60_000);
  assert.match(text, /two\r\n0\r\n\r\n$/);
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
  await assert.rejects(
    other.server.listen({ host: "127.0.0.1", port: one.port }),
    /EADDRINUSE|ERR_SERVER_ALREADY_LISTEN/,
  );
});

/** A connection on which one request was answered and that stays open. */
async function keepAlive(one: Started): Promise<Socket> {
  const socket = connect(one.port, "127.0.0.1");
  socket.write(`GET /-/ping HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
  await once(socket, "data");
  return socket;
}
