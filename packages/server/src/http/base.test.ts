import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { ask, json, parse, raw, start } from "./test-server.ts";

describe("the base", async () => {
  const one = await start({
    publicUrls: [
      "https://reg.example.com",
      "https://reg.example.com/npm/main",
      "http://xn--bcher-kva.example:8080",
      "http://127.0.0.1:0",
      "http://both.example",
      "https://both.example",
    ],
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

  test("CI exchanges its token at the root of a host although the registry is below a path", async () => {
    const path = "/-/npm/v1/oidc/token/exchange/package/@s%2fn";
    const below = await start({ publicUrls: ["https://reg.example.com/npm/main"] });
    after(() => below.server[Symbol.asyncDispose]());
    const ofPost = async (target: string, host: string) => (await ask(below, target, { host, method: "POST" })).status;
    // 404: this server has no such route, but the request came through.
    assert.equal(await ofPost(path, "reg.example.com"), 404);
    assert.equal(await ofPost(`/npm/main${path}`, "reg.example.com"), 404);
    assert.equal(await ofPost(path, "evil.example"), 421);
    assert.equal(await ofPost("/-/npm/v1/oidc/token/exchange", "reg.example.com"), 421);
    assert.equal(await ofPost(`${path}/../../../x`, "reg.example.com"), 400);
  });

  test("any other host is 421", async () => {
    for (const host of [
      "evil.example",
      "reg.example.com:8443",
      "reg.example.com:80",
      "reg.example.com.",
      "xn--bcher-kva.example",
      "127.0.0.1:1",
      "a b",
      "reg.example.com@evil.example",
      "[::1]",
    ]) {
      const answer = await ask(one, "/vite", { host });
      assert.ok(answer.status === 421 || (host === "a b" && answer.status === 400), `${host}: ${answer.status}`);
    }
  });

  test("a missing or second Host is refused", async () => {
    for (const lines of [
      "",
      "Host:\r\n",
      "Host: reg.example.com\r\nHost: reg.example.com\r\n",
      "Host: reg.example.com\r\nhost: evil.example\r\n",
    ]) {
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
    assert.equal(
      await baseOf("/vite", "internal:1", ["X-Forwarded-Host: reg.example.com", "X-Forwarded-Host: reg.example.com"]),
      400,
    );
  });
});

test("X-Forwarded headers of a peer that is not trusted mean nothing", async () => {
  const one = await start({
    publicUrls: ["http://a.example", "http://b.example"],
    trustedProxies: ["10.0.0.0/8", "::1/128"],
  });
  await using _server = one.server;
  const answer = await ask(one, "/vite", { host: "a.example", headers: ["X-Forwarded-Host: b.example"] });
  assert.equal(json(answer)["base"], "http://a.example");
});
