import assert from "node:assert/strict";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { test } from "node:test";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { parseBundle, parseTlogProof } from "@assay/core";
import { bindFacts } from "./test-log.ts";
import { serve } from "./test-log-server.ts";

const cache = (response: Response) => response.headers.get("cache-control");

test("lists the logs, newest first, with their vkeys and URLs", async (t) => {
  const { base, get, checksums } = await serve(t, {
    prepare: async (log) => {
      await log.claim(1, 1);
      await log.settle();
      await log.rotate();
    },
  });
  const response = await get("/-/log/");
  const [newest, oldest] = checksums.logs.list();
  assert.deepEqual(await response.json(), {
    logs: [newest, oldest].map((log) => ({
      log: "npm",
      shard: log?.shard,
      origin: log?.origin,
      vkey: log?.vkey,
      state: log === newest ? "open" : "frozen",
      visibility: "private",
      url: `${base}/-/log/${log?.shard}`,
    })),
  });
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
});

test("a lookup binds an unbound version, and answers index, record and a checkpoint that covers it", async (t) => {
  const { get, admitted, shard, newest } = await serve(t);
  for (const path of [
    "/-/log/lookup/@scope/name@1.0.1",
    "/-/log/lookup/@scope%2fname@1.0.1",
    `/-/log/${shard}/lookup/@scope%2Fname@1.0.1`,
  ]) {
    const response = await get(path);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(cache(response), "private, max-age=2");
    const text = await response.text();
    assert.match(text, /^0\nassay\/v1 bind\nns npm\nname @scope\/name\nversion 1\.0\.1\n/);
    const [record, checkpoint] = text.split("\n\n");
    assert.match(record ?? "", /\nnonce [A-Za-z0-9+/]{22}==$/);
    assert.ok(checkpoint?.startsWith(`${newest.origin}\n`));
  }
  assert.deepEqual(admitted, ["@scope/name@1.0.1"]);
});

test("an unknown version is 404 no-store, an upstream that is down 503 with Retry-After", async (t) => {
  const { get, shard } = await serve(t);
  for (const prefix of ["/-/log", `/-/log/${shard}`]) {
    const unknown = await get(`${prefix}/lookup/unknown@1.0.0`);
    assert.deepEqual([unknown.status, cache(unknown)], [404, "no-store"]);
    assert.equal(unknown.headers.get("access-control-allow-origin"), null);
    const down = await get(`${prefix}/lookup/${bindFacts(99).name}@1.0.99`);
    assert.deepEqual([down.status, down.headers.get("retry-after"), cache(down)], [503, "7", "no-store"]);
  }
});

test("keys that are no name@version are refused by name", async (t) => {
  const { get, admitted } = await serve(t);
  for (const [key, code] of [
    ["plain", "BAD_REQUEST"],
    ["@scope%2fname", "BAD_REQUEST"],
    ["plain@", "BAD_VERSION"],
    [".plain@1.0.0", "BAD_NAME"],
    ["a@b@1.0.0", "BAD_NAME"],
    ["plain@%C3%A9", "BAD_VERSION"],
  ] as const) {
    for (const route of ["lookup", "proof"]) {
      const response = await get(`/-/log/${route}/${key}`);
      assert.equal(response.status, 400, key);
      assert.equal(((await response.json()) as { code: string }).code, code);
    }
  }
  assert.deepEqual(admitted, []);
});

test("a proof is a tlog-proof file, with and without the shard, and never binds", async (t) => {
  const { get, shard, admitted } = await serve(t, { prepare: (log) => log.claim(1, 20) });
  for (const prefix of ["/-/log", `/-/log/${shard}`]) {
    const response = await get(`${prefix}/proof/@scope/name@1.0.8`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(parseTlogProof(await response.text()).index, 7);
    assert.equal((await get(`${prefix}/proof/@scope/name@1.0.50`)).status, 404);
  }
  assert.deepEqual(admitted, []);
  assert.equal((await get("/-/log/npm-1999a/proof/@scope/name@1.0.8")).status, 404);
});

test("serves checkpoint, tiles and entries with the caching that each allows", async (t) => {
  const { get, shard, checksums } = await serve(t, {
    prepare: async (log) => {
      await log.claim(0, 300);
      await log.settle();
    },
  });
  const prefix = `/-/log/${shard}`;
  const checkpoint = await get(`${prefix}/checkpoint`);
  assert.equal(await checkpoint.text(), checksums.logs.checkpoint(shard));
  assert.equal(checkpoint.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(cache(checkpoint), "public, max-age=2");

  for (const [path, caching, bytes] of [
    ["tile/0/000", "public, max-age=31536000, immutable", 8192],
    ["tile/0/001.p/44", "public, max-age=3600", 44 * 32],
    ["tile/1/000.p/1", "public, max-age=3600", 32],
    ["tile/entries/000", "private, max-age=31536000, immutable", undefined],
    ["tile/entries/001.p/44", "private, max-age=3600", undefined],
  ] as const) {
    const response = await get(`${prefix}/${path}`);
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get("content-type"), "application/octet-stream");
    assert.equal(cache(response), caching);
    const origin = path.startsWith("tile/entries/") ? null : "*";
    assert.equal(response.headers.get("access-control-allow-origin"), origin, path);
    const body = await response.arrayBuffer();
    if (bytes !== undefined) assert.equal(body.byteLength, bytes);
    const head = await get(`${prefix}/${path}`, { method: "HEAD" });
    assert.deepEqual([head.status, (await head.text()).length], [200, 0]);
  }
  for (const path of [
    "tile/0/001",
    "tile/0/001.p/45",
    "tile/0/1",
    "tile/0/000.p/256",
    "tile/0/x000/000",
    "tile/8/0/0",
    "tile/entries/002.p/1",
    "tile/64/000",
    "checkpoint/x",
  ]) {
    const response = await get(`${prefix}/${path}`);
    assert.deepEqual([response.status, cache(response)], [404, "no-store"], path);
  }
  assert.equal((await get("/-/log/unknown/checkpoint")).status, 404);
});

test("a bundle proves what is bound, names what is missing, and binds nothing", async (t) => {
  const { post, shard, newest, admitted } = await serve(t, { prepare: (log) => log.claim(1, 20) });
  const entries = [1, 8, 50].map((number) => {
    const { name, version } = bindFacts(number);
    return { name, version };
  });
  for (const path of ["/-/log/bundle", `/-/log/${shard}/bundle`]) {
    const response = await post(path, { entries });
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
    const bundle = parseBundle(await response.json());
    assert.deepEqual(bundle.missing, [entries[2]]);
    assert.deepEqual(
      bundle.bundles.map((log) => [log.origin, log.records.length]),
      [[newest.origin, 2]],
    );
  }
  assert.deepEqual(admitted, []);
});

test("a large bundle comes as gzip or zstd for who takes it, and plain for who does not", async (t) => {
  const { base } = await serve(t, { prepare: (log) => log.claim(1, 60) });
  const entries = Array.from({ length: 60 }, (_, i) => bindFacts(i + 1)).map(({ name, version }) => ({
    name,
    version,
  }));
  const plain: string[] = [];
  for (const accepted of ["identity", "gzip", "zstd", "br"]) {
    // fetch would take what it likes, and undo it.
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(`${base}/-/log/bundle`, {
        method: "POST",
        headers: { "content-type": "application/json", "accept-encoding": accepted },
      });
      request.once("response", resolve).once("error", reject).end(JSON.stringify({ entries }));
    });
    const bytes = Buffer.concat(await Array.fromAsync(answer as AsyncIterable<Buffer>));
    const encoding = answer.headers["content-encoding"];
    assert.equal(encoding, accepted === "gzip" || accepted === "zstd" ? accepted : undefined);
    assert.match(answer.headers.vary ?? "", /accept-encoding/i);
    const text = encoding === "gzip" ? gunzipSync(bytes) : encoding === "zstd" ? zstdDecompressSync(bytes) : bytes;
    plain.push(JSON.stringify(JSON.parse(text.toString())));
    if (encoding !== undefined) assert.ok(bytes.length * 1.5 < text.length);
  }
  assert.equal(new Set(plain).size, 1);
});

test("a bundle request with anything wrong is refused by place", async (t) => {
  const { post, get } = await serve(t);
  const good = { name: "a", version: "1.0.0" };
  const bad: [unknown, RegExp][] = [
    [{}, /exactly the members entries/],
    [[], /the body is not an object/],
    [{ entries: [], more: 1 }, /exactly the members entries/],
    [{ entries: {} }, /entries is not an array/],
    [{ entries: [good, { name: "a" }] }, /entries\[1\] must have exactly/],
    [{ entries: [{ ...good, integrity: "x" }] }, /entries\[0\] must have exactly/],
    [{ entries: [{ name: 1, version: "1" }] }, /entries\[0\]\.name is not a string/],
    [{ entries: [good, { name: "../x", version: "1.0.0" }] }, /entries\[1\]: Not a package name/],
    [{ entries: [{ name: "a", version: "a b" }] }, /entries\[0\]: Not a version/],
    [{ entries: Array.from({ length: 20_001 }, () => good) }, /more than 20000 entries/],
    ["{", /not JSON/],
    ['{"entries":[{"name":"a","version":"1","__proto__":{}}]}', /__proto__/],
  ];
  for (const [body, reason] of bad) {
    const response = await post("/-/log/bundle", body);
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as { message: string }).message, reason);
  }
  const large = await post("/-/log/bundle", { entries: [], padding: "x".repeat(4 * 1024 * 1024) });
  assert.equal(large.status, 413);
  assert.equal((await get("/-/log/bundle")).status, 405);
  const preflight = await get("/-/log/bundle", { method: "OPTIONS" });
  assert.deepEqual(
    [
      preflight.status,
      preflight.headers.get("access-control-allow-origin"),
      preflight.headers.get("access-control-allow-headers"),
    ],
    [204, null, "content-type"],
  );
});

test("of a private log that nobody may read, only checkpoints and hash tiles are public", async (t) => {
  const { get, post, shard, admitted } = await serve(t, {
    readers: "nobody",
    prepare: async (log) => {
      await log.claim(1, 20);
      await log.settle();
    },
  });
  for (const path of [`/-/log/${shard}/checkpoint`, `/-/log/${shard}/tile/0/000.p/20`, "/-/log/"])
    assert.equal((await get(path)).status, 200, path);
  const closed = [
    "/-/log/lookup/a@1.0.3",
    "/-/log/proof/a@1.0.3",
    `/-/log/${shard}/lookup/a@1.0.3`,
    `/-/log/${shard}/proof/a@1.0.3`,
    `/-/log/${shard}/tile/entries/000.p/20`,
  ];
  const answers = await Promise.all([
    ...closed.map((path) => get(path)),
    post("/-/log/bundle", { entries: [] }),
    post(`/-/log/${shard}/bundle`, { entries: [] }),
  ]);
  for (const response of answers) {
    assert.equal(response.status, 403);
    assert.match(((await response.json()) as { message: string }).message, /log\.readers to anyone in assay\.yaml/);
  }
  assert.deepEqual(admitted, []);
});

test("a public log is open whatever log.readers says", async (t) => {
  const { get, shard } = await serve(t, {
    readers: "nobody",
    visibility: "public",
    prepare: async (log) => {
      await log.claim(1, 20);
      await log.settle();
    },
  });
  const entries = await get(`/-/log/${shard}/tile/entries/000.p/20`);
  assert.deepEqual([entries.status, cache(entries)], [200, "public, max-age=3600"]);
  const lookup = await get("/-/log/lookup/@scope/name@1.0.8");
  assert.deepEqual([lookup.status, lookup.headers.get("access-control-allow-origin")], [200, "*"]);
});
