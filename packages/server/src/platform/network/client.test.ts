import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { test } from "node:test";
import * as lies from "@assay/testkit/lies";
import { createTestUpstream } from "@assay/testkit/upstream";
import { upstreamConfig } from "@assay/testkit/upstream-config";
import type { Clock } from "../clock.ts";
import { createUpstreamClient } from "./client.ts";
import { systemResolve, type Resolve } from "./dispatchers.ts";
import { NetworkError, type NetworkErrorReason, type RequestOptions } from "./network.ts";
import { directSettings } from "./settings.ts";

const asDocument: RequestOptions = { decode: true, maxBytes: 1024 * 1024 };
const asTarball: RequestOptions = { decode: false, maxBytes: 1024 * 1024 };
const failsWith = (reason: NetworkErrorReason) => (error: unknown) =>
  error instanceof NetworkError && error.reason === reason;

interface Options {
  readonly tarballHosts?: readonly string[];
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
}

/** A client whose waits between tries take no time; `waits` lists them. */
function connect(url: string, { tarballHosts = [], resolve = systemResolve, timeoutMs = 5000 }: Options = {}) {
  const waits: number[] = [];
  let offsetMs = 0;
  const clock = {
    now: () => 0,
    monotonicMs: () => performance.now() + offsetMs,
    sleep: async (ms: number) => void waits.push(ms),
  } as unknown as Clock;
  const config = upstreamConfig({
    url,
    tarballHosts,
    timeouts: { connectMs: timeoutMs, headersMs: timeoutMs, bodyIdleMs: timeoutMs },
  });
  const random = { bytes: (count: number) => new Uint8Array(count), fraction: () => 0.5 };
  const client = createUpstreamClient({ clock, random, settings: directSettings, resolve }, config, {
    authorization: "Bearer secret",
    certificate: undefined,
  });
  return {
    client,
    waits,
    pass: (ms: number) => void (offsetMs += ms),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

async function plainServer(handler: Parameters<typeof createServer>[1]) {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

for (const encoding of ["gzip", "br", "zstd"] as const) {
  test(`decodes a document sent as ${encoding}`, async () => {
    await using upstream = await createTestUpstream();
    await using it = connect(upstream.url);
    upstream.lie("/a", lies.bomb(encoding, 1024 * 1024));
    const response = await it.client.request("/a", asDocument);
    assert.equal(await text(response.body), " ".repeat(1024 * 1024));
    upstream.lie("/a", lies.bomb(encoding, 100 * 1024 * 1024));
    const bomb = await it.client.request("/a", asDocument);
    await assert.rejects(text(bomb.body), failsWith("too-large"));
  });
}

test("hands a tarball on exactly as sent, whatever its Content-Encoding says", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url);
  const { path, tarball } = upstream.publish({ name: "a", version: "1.0.0" });
  upstream.lie(path, lies.otherBytes(tarball, { "content-encoding": "gzip" }));
  const response = await it.client.request(`${upstream.url}${path}`, asTarball);
  assert.deepEqual(new Uint8Array(await buffer(response.body)), new Uint8Array(tarball));
  assert.equal(upstream.requests[0]?.headers["accept-encoding"], "identity");
});

test("refuses an encoding that is unknown, stacked or broken", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url);
  for (const encoding of ["gzip, gzip", "compress"]) {
    upstream.lie("/a", lies.otherBytes("{}", { "content-encoding": encoding }));
    await assert.rejects(it.client.request("/a", asDocument), failsWith("malformed"));
  }
  for (const encoding of ["gzip", "br", "zstd", "deflate"]) {
    upstream.lie("/a", lies.otherBytes("not compressed at all", { "content-encoding": encoding }));
    const response = await it.client.request("/a", asDocument);
    await assert.rejects(text(response.body), failsWith("malformed"), encoding);
  }
});

test("stops a body that is longer than allowed, declared or not", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url);
  upstream.lie("/declared", lies.otherBytes(Buffer.alloc(3 * 1024 * 1024)));
  await assert.rejects(it.client.request("/declared", asTarball), failsWith("too-large"));
  upstream.lie("/endless", lies.endless);
  const response = await it.client.request("/endless", asTarball);
  await assert.rejects(buffer(response.body), failsWith("too-large"));
});

test("tells truncation, stalls, silence and gibberish apart", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url, { timeoutMs: 100 });
  const { path } = upstream.publish({ name: "a", version: "1.0.0" });
  const body = async (lie: lies.Lie) => {
    upstream.lie(path, lie);
    await buffer((await it.client.request(path, asTarball)).body);
  };
  await assert.rejects(body(lies.truncated(20)), failsWith("truncated"));
  await assert.rejects(body(lies.stalled(20)), failsWith("timeout"));
  await assert.rejects(body(lies.hang), failsWith("timeout"));
  await assert.rejects(body(lies.gibberish), failsWith("malformed"));
});

test("gives up a body that drips, though it never falls idle", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url);
  const { path } = upstream.publish({ name: "a", version: "1.0.0" });
  upstream.lie(path, lies.drip(1, 5));
  const response = await it.client.request(path, asTarball);
  it.pass(60_000);
  await assert.rejects(buffer(response.body), failsWith("timeout"));
});

test("tries a GET three times, honours Retry-After, and answers the last status", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url);
  upstream.publish({ name: "a", version: "1.0.0" });
  upstream.lie("/a", lies.status(503), { times: 1 });
  upstream.lie("/b", lies.status(429, { "retry-after": "2" }));
  upstream.lie("/c", lies.status(503, { "retry-after": "60" }));
  upstream.lie("/d", lies.status(500));
  assert.equal((await it.client.request("/a", asDocument)).status, 200);
  assert.deepEqual(it.waits, [200]);
  assert.equal((await it.client.request("/b", asDocument)).status, 429);
  assert.deepEqual(it.waits.slice(1), [2000, 2000]);
  assert.equal((await it.client.request("/c", asDocument)).status, 503);
  assert.equal((await it.client.request("/d", asDocument)).status, 500);
  assert.deepEqual(
    ["/a", "/b", "/c", "/d"].map((path) => upstream.count(path)),
    [2, 3, 1, 1],
  );
});

test("sends a POST once", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url);
  upstream.lie("/-/a", lies.status(503));
  const response = await it.client.request("/-/a", {
    ...asDocument,
    method: "POST",
    body: Buffer.from("{}"),
    headers: { "content-type": "application/json" },
  });
  assert.equal(response.status, 503);
  assert.equal(upstream.count("/-/a"), 1);
  assert.equal(Buffer.from(upstream.requests[0]?.body ?? []).toString(), "{}");
  upstream.lie("/-/a", lies.reset);
  await assert.rejects(
    it.client.request("/-/a", { ...asDocument, method: "POST", body: Buffer.from("{}") }),
    failsWith("connection"),
  );
  assert.equal(upstream.count("/-/a"), 2);
});

test("an upstream that cannot be reached opens the breaker, and one probe closes it", async () => {
  const dead = await plainServer((_request, response) => void response.end());
  const url = `http://127.0.0.1:${dead.port}`;
  await dead[Symbol.asyncDispose]();
  await using it = connect(url);
  await assert.rejects(it.client.request("/a", asDocument), failsWith("connection"));
  await assert.rejects(
    it.client.request("/a", asDocument),
    failsWith("breaker"),
    "the fifth failure in a row opens it",
  );
  const waits = it.waits.length;
  await assert.rejects(it.client.request("/a", asDocument), failsWith("breaker"));
  assert.equal(it.waits.length, waits, "nothing was tried");
  const server = createServer((_request, response) => void response.end("alive"));
  await new Promise<void>((resolve) => server.listen(dead.port, "127.0.0.1", resolve));
  it.pass(10_000);
  assert.equal(await text((await it.client.request("/a", asDocument)).body), "alive");
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("one bad path never opens the breaker: errors, resets, silence", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url, { timeoutMs: 50 });
  upstream.publish({ name: "good", version: "1.0.0" });
  for (const lie of [lies.reset, lies.hang, lies.status(503), lies.gibberish]) {
    upstream.lie("/bad", lie);
    for (let count = 0; count < 3; count += 1) await it.client.request("/bad", asDocument).catch(() => {});
    assert.equal((await it.client.request("/good", asDocument)).status, 200);
  }
});

test("follows redirects on the own origin, five at most", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url);
  upstream.publish({ name: "a", version: "1.0.0" });
  upstream.lie("/from", lies.redirect("/a"));
  const response = await it.client.request("/from", asDocument);
  assert.equal(response.url, `${upstream.url}/a`);
  response.body.destroy();
  upstream.lie("/loop", lies.redirectLoop);
  await assert.rejects(it.client.request("/loop", asDocument), failsWith("redirects"));
  assert.equal(upstream.count("/loop"), 6);
});

test("no redirect leads inward, to metadata, or to a host that is not listed", async () => {
  await using upstream = await createTestUpstream();
  let visits = 0;
  await using inner = await plainServer((_request, response) => {
    visits += 1;
    response.end("secret");
  });
  const resolve: Resolve = async (host) =>
    host === "metadata.test" ? [{ address: "169.254.169.254", family: 4 }] : [{ address: "127.0.0.1", family: 4 }];
  await using it = connect(upstream.url, {
    resolve,
    tarballHosts: [`127.0.0.1:${inner.port}`, `inner.test:${inner.port}`, "metadata.test", "169.254.169.254"],
  });
  const expected: [string, NetworkErrorReason][] = [
    [`http://127.0.0.1:${inner.port}/`, "forbidden-address"],
    [`http://inner.test:${inner.port}/`, "forbidden-address"],
    ["http://metadata.test/latest", "forbidden-address"],
    ["http://169.254.169.254/latest", "forbidden-address"],
    [`http://localhost:${inner.port}/`, "forbidden-host"],
    ["file:///etc/passwd", "forbidden-host"],
  ];
  for (const [to, reason] of expected) {
    upstream.lie("/from", lies.redirect(to));
    await assert.rejects(it.client.request("/from", asDocument), failsWith(reason), to);
  }
  assert.equal(visits, 0);
});

test("a private upstream reaches its own origin by name, a name with one inward address is no way round", async () => {
  await using upstream = await createTestUpstream();
  upstream.publish({ name: "a", version: "1.0.0" });
  const port = new URL(upstream.url).port;
  const resolve: Resolve = async () => [
    { address: "169.254.169.254", family: 4 },
    { address: "127.0.0.1", family: 4 },
  ];
  await using it = connect(`http://registry.test:${port}`, { resolve });
  assert.equal((await it.client.request("/a", asDocument)).status, 200);
});

test("credentials and the headers of the caller reach the own origin", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url);
  upstream.publish({ name: "a", version: "1.0.0" });
  await it.client.request("/a", { ...asDocument, headers: { Accept: "application/json" } });
  assert.equal(upstream.requests[0]?.headers.authorization, "Bearer secret");
  assert.equal(upstream.requests[0]?.headers.accept, "application/json");
});

test("an aborted request and an aborted body end as such", async () => {
  await using upstream = await createTestUpstream();
  await using it = connect(upstream.url);
  const { path } = upstream.publish({ name: "a", version: "1.0.0" });
  upstream.lie("/hang", lies.hang);
  const first = new AbortController();
  const hanging = it.client.request("/hang", { ...asDocument, signal: first.signal });
  setTimeout(() => first.abort(), 20);
  await assert.rejects(hanging, failsWith("aborted"));
  upstream.lie(path, lies.stalled(10));
  const second = new AbortController();
  const response = await it.client.request(path, { ...asTarball, signal: second.signal });
  setTimeout(() => second.abort(), 20);
  await assert.rejects(buffer(response.body), failsWith("aborted"));
});

test("a name that does not resolve is a failed connection", async () => {
  const resolve: Resolve = async () => {
    throw Object.assign(new Error("no such host"), { code: "ENOTFOUND" });
  };
  await using it = connect("http://gone.test:1", { resolve });
  await assert.rejects(it.client.request("/a", asDocument), failsWith("connection"));
});
