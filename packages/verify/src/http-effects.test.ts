import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { formatVkey, isAssayError, parsePackageName, parseVersion } from "@assay/core";
import { createTinyLog } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { createHttpEffects, listLogs, trustLog, type HttpDeps } from "./index.ts";

async function serving(context: TestContext, listener: RequestListener): Promise<HttpDeps & { slept: number[] }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const slept: number[] = [];
  return {
    fetch,
    registry: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    slept,
    sleep: async (ms) => void slept.push(ms),
  };
}

const vkey = formatVkey("log.example.com/-/log/npm-2026a", 1, new Uint8Array(32));
const lookup = (deps: HttpDeps, name: string, version: string) =>
  createHttpEffects(deps).lookup(parsePackageName(name), parseVersion(version));

test("asks for names and versions in their canonical spelling", async (context) => {
  const paths: string[] = [];
  const deps = await serving(context, (request, response) => {
    paths.push(request.url ?? "");
    response.end();
  });
  await lookup(deps, "@scope/name", "1.0.0+build");
  await lookup(deps, "a~b", "1.0.0-rc.1");
  await lookup(deps, "plain", "1.0.0^x|y");
  assert.deepEqual(paths, [
    "/-/log/lookup/@scope/name@1.0.0+build",
    "/-/log/lookup/a~b@1.0.0-rc.1",
    "/-/log/lookup/plain@1.0.0%5Ex%7Cy",
  ]);
});

test("waits as long as the registry says, then asks again", async (context) => {
  let asked = 0;
  const deps = await serving(context, (_request, response) => {
    asked += 1;
    if (asked === 1) response.writeHead(503, { "retry-after": "2" });
    if (asked === 2) response.writeHead(429, { "retry-after": "86400" });
    if (asked === 3) response.writeHead(503, { "retry-after": "soon" });
    response.end();
  });
  assert.deepEqual(await lookup(deps, "a", "1.0.0"), { outcome: "bound" });
  assert.deepEqual(deps.slept, [2_000, 30_000, 1_000]);
});

test("gives up after five attempts and passes on the registry's sentence, made printable", async (context) => {
  const deps = await serving(context, (_request, response) => {
    response.writeHead(503).end(JSON.stringify({ message: "Not\u001b[2J ready\n." }));
  });
  assert.deepEqual(await lookup(deps, "a", "1.0.0"), {
    outcome: "refused",
    reason: "Not [2J ready .",
  });
  assert.equal(deps.slept.length, 4);
});

test("cuts off an answer that is too large", async (context) => {
  const deps = await serving(context, (_request, response) => {
    response.end(new Uint8Array(10_000));
  });
  const fetchTile = createHttpEffects(deps).fetchTile(trustLog(vkey), "tile/0/000");
  await assert.rejects(fetchTile, /larger than 8192 bytes/);
});

test("names the address of a registry that is not there", async () => {
  const deps = { fetch, registry: "http://127.0.0.1:1", sleep: async () => {} };
  await assert.rejects(
    createHttpEffects(deps).postBundle("{}"),
    (error) => isAssayError(error, "LOG_UNAVAILABLE") && error.message.includes("http://127.0.0.1:1/-/log/bundle"),
  );
});

test("reads tiles under the registry, or where the log is pinned to be", async () => {
  const log = await createTinyLog({});
  log.append("entry\n");
  await using server = await startTinyLogServer(log);
  const deps = { fetch, registry: server.url, sleep: async () => {} };
  const { fetchTile } = createHttpEffects(deps);
  const tile = log.tile("tile/0/000.p/1");
  assert.deepEqual(await fetchTile(trustLog(log.vkey), "tile/0/000.p/1"), tile);
  assert.equal(await fetchTile(trustLog(log.vkey), "tile/0/001"), undefined);
  const elsewhere = createHttpEffects({ ...deps, registry: "http://127.0.0.1:1" });
  const pinned = trustLog(log.vkey, `${server.url}/-/log/npm-2026a/`);
  assert.deepEqual(await elsewhere.fetchTile(pinned, "tile/0/000.p/1"), tile);
});

test("lists logs, and refuses a list that could mislead", async (context) => {
  const log = await createTinyLog({});
  await using server = await startTinyLogServer(log);
  const deps = { fetch, registry: server.url, sleep: async () => {} };
  const { origin, vkey: listed } = log;
  assert.deepEqual(await listLogs(deps), [
    { log: "npm", shard: "npm-2026a", origin, vkey: listed, state: "open", visibility: "private" },
  ]);
  const answers = [
    "[]",
    "no json",
    `{"logs":[{"shard":"a","origin":"b","vkey":"c","state":"open"}]}`,
    JSON.stringify({ logs: [{ shard: "a", origin: "other", vkey: log.vkey, state: "open" }] }),
  ];
  for (const body of answers) {
    const lying = await serving(context, (_request, response) => response.end(body));
    await assert.rejects(listLogs(lying), (error) => isAssayError(error, "LOG_UNAVAILABLE"));
  }
});
