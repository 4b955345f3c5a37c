import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ask, json, parse, raw, start, waitFor } from "./test-server.ts";

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
    for (const target of [
      "/%2e%2e%2fetc",
      "/../-/ping",
      "//-/ping",
      "/foo%ZZ",
      "/foo%00bar",
      "/foo\\bar",
      "/foo/",
      "http://127.0.0.1/vite",
      "*",
    ]) {
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
    assert.equal(missing.headers["npm-notice"], undefined);
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
    assert.equal(
      (
        await ask(one, "/-/echo", {
          method: "POST",
          body: "{}",
          headers: ["X-HTTP-Method-Override: DELETE", "Content-Type: application/json"],
        })
      ).status,
      200,
    );
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
    for (const type of [
      "application/json",
      "Application/JSON",
      "application/json; charset=utf-8",
      'application/json;charset="UTF-8"',
    ]) {
      assert.deepEqual(
        json(await ask(one, "/-/echo", { method: "POST", body, headers: [`Content-Type: ${type}`] })),
        { body: { a: [1] } },
        type,
      );
    }
    const zipped = await ask(one, "/-/echo", {
      method: "POST",
      body: gzipSync(body),
      headers: ["Content-Type: application/json", "Content-Encoding: gzip"],
    });
    assert.deepEqual(json(zipped), { body: { a: [1] } });
    assert.deepEqual(json(await ask(one, "/-/echo", { method: "POST" })), { body: null });
    assert.deepEqual(json(await ask(one, "/-/echo", { method: "POST", body: "" })), { body: null });
  });

  test("takes a text that only looks like the key __proto__", async () => {
    const body = { a: '"__proto__":', b: "__proto__", __proto: 1, __PROTO__: 2 };
    const headers = ["Content-Type: application/json"];
    const answer = await ask(one, "/-/echo", { method: "POST", body: JSON.stringify(body), headers });
    assert.deepEqual(json(answer), { body });
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
      ['{"a":[{"_\\u005F\\u0070\\u0072\\u006f\\u0074\\u006F__" \n: 1}]}', [type]],
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
    assert.equal(
      (
        await ask(one, "/-/echo", {
          method: "POST",
          body: gzipSync(tooMuch),
          headers: [type, "Content-Encoding: gzip"],
        })
      ).status,
      413,
    );
    assert.equal((await ask(one, "/-/small", { method: "POST", body: '"12345678"', headers: [type] })).status, 200);
    assert.equal((await ask(one, "/-/small", { method: "POST", body: '"123456789"', headers: [type] })).status, 413);
    const chunked = await raw(
      one.port,
      `POST /-/small HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\nConnection: close\r\n${type}\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n"123456789"\r\n0\r\n\r\n`,
    );
    assert.equal(parse(chunked).status, 413);
  });

  test("waits for no rest of a body that did not come in time", async () => {
    // Resolves when the server ends the connection.
    const text = await raw(
      one.port,
      `PUT /-/tardy HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\nContent-Length: 9\r\n\r\n{`,
    );
    assert.equal(parse(text).status, 408);
  });

  test("takes a form from a page of its own, and from nowhere else", async () => {
    const own = `Origin: http://127.0.0.1:${one.port}`;
    const type = "Content-Type: application/x-www-form-urlencoded";
    const send = (headers: readonly string[], body = "user=ada") =>
      ask(one, "/-/form", { method: "POST", body, headers });
    assert.deepEqual(json(await send([own, type])), { user: "ada" });
    assert.equal((await send([type])).status, 403);
    assert.equal((await send(["Origin: http://evil.example", type])).status, 403);
    assert.equal((await send(["Sec-Fetch-Site: cross-site", own, type])).status, 403);
    assert.equal((await send([own, "Content-Type: text/plain"])).status, 415);
    assert.equal((await send([own, "Content-Type: application/json"], "{}")).status, 415);
    assert.equal((await send([own, type], "user=a&user=b")).status, 400);
    assert.equal((await send([own, type], `user=${"a".repeat(70_000)}`)).status, 413);
    assert.equal((await ask(one, "/-/form", { method: "POST", headers: [own] })).status, 400);
  });

  test("a route may take the raw body itself", async () => {
    assert.deepEqual(
      json(
        await ask(one, "/-/stream", { method: "PUT", body: "x".repeat(2 << 20), headers: ["Content-Type: any/thing"] }),
      ),
      { size: 2 << 20 },
    );
  });

  test("a stream that breaks cuts the connection, so that a part is never taken for the whole, and is logged once", async () => {
    one.logged.length = 0;
    const text = await raw(one.port, `GET /-/broken-stream HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
    assert.match(text, /half/);
    assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
    await waitFor(async () => one.logged.length > 0);
    assert.equal(one.logged.length, 1);
    assert.match(String(one.logged[0]?.fields?.["error"]), /the disk is gone/);
  });

  test("a client that goes away in the middle is no error", async () => {
    one.logged.length = 0;
    const socket = connect(one.port, "127.0.0.1");
    socket.write(`GET /-/endless HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\n\r\n`);
    await once(socket, "data");
    socket.destroy();
    await waitFor(async () => (await one.metrics.render()).includes('route="/-/endless",method="GET"'));
    assert.deepEqual(one.logged, []);
  });

  test("tunnels and upgrades lead nowhere", async () => {
    assert.equal(await raw(one.port, "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n"), "");
    const answer = await ask(one, "/-/ping", { headers: ["Connection: Upgrade", "Upgrade: websocket"] });
    assert.equal(answer.status, 200);
  });

  test("what is no HTTP gets one refusal and the end of the connection", async () => {
    const garbage = parse(await raw(one.port, "EHLO mail\r\n\r\n"));
    assert.equal(garbage.status, 400);
    assert.equal(json(garbage)["code"], "BAD_REQUEST");
    const smuggled = parse(
      await raw(
        one.port,
        `POST /-/echo HTTP/1.1\r\nHost: 127.0.0.1:${one.port}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      ),
    );
    assert.equal(smuggled.status, 400);
    const large = parse(
      await raw(one.port, `GET /vite HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ${"a".repeat(20_000)}\r\n\r\n`),
    );
    assert.equal(large.status, 431);
    assert.equal((await ask(one, `/${"a".repeat(2048)}`)).status, 400);
  });

  test("health and metrics answer for any Host; ping is part of the API", async () => {
    assert.deepEqual(json(await ask(one, "/-/health/live", { host: "10.0.0.1" })), { status: "live" });
    assert.deepEqual(json(await ask(one, "/-/health/ready", { host: "whatever" })), { status: "ready" });
    assert.match(
      (await ask(one, "/-/metrics", { host: "10.0.0.1:9" })).body,
      /assay_http_requests_total\{route="\/:pkg",method="GET",status="2xx"\}/,
    );
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
    assert.deepEqual(
      entries.map((entry) => [entry["route"], entry["path"], entry["status"]]),
      [
        ["/-/user/token/:token", "/-/user/token/[secret]", 200],
        ["/-/hidden/:id", undefined, 200],
        ["/:pkg", "/vite?write=true&size=20", 200],
        [undefined, undefined, 400],
      ],
    );
    assert.equal(entries[2]?.["agent"], "a".repeat(200));
    assert.ok(Number(entries[2]?.["bytes"]) > 100);
  });
});
