import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { finishedHead } from "./send.ts";
import { ask, json, start } from "./test-server.ts";

describe("finished answers", async () => {
  const asked: string[] = [];
  const bytes = Buffer.from("finished");
  const one = await start({
    finished: (request, { base, path }) => {
      asked.push(`${request.method} ${base} ${path}`);
      if (path !== "/@s%2Fn") return undefined;
      return { route: "/:pkg", status: 200, head: finishedHead({ etag: '"f"' }, bytes.length), bytes };
    },
  });
  after(() => one.server[Symbol.asyncDispose]());

  test("leave before any routing, for the canonical path under the base that was asked", async () => {
    for (const target of ["/@s/n", "/@s%2fn", "/@s%2Fn"]) {
      const answer = await ask(one, target);
      assert.equal(answer.body, "finished", target);
      assert.equal(answer.headers["etag"], '"f"');
    }
    assert.deepEqual(new Set(asked.splice(0)), new Set([`GET http://127.0.0.1:${one.port} /@s%2Fn`]));
  });

  test("HEAD gets the head alone", async () => {
    const answer = await ask(one, "/@s/n", { method: "HEAD" });
    assert.equal(answer.headers["content-length"], "8");
    assert.equal(answer.body, "");
  });

  test("are counted under the route they stand for", async () => {
    await ask(one, "/@s/n");
    assert.match(await one.metrics.render(), /assay_http_requests_total\{route="\/:pkg",method="GET",status="2xx"\}/);
  });

  test("without one the route answers", async () => {
    assert.equal(json(await ask(one, "/other"))["pkg"], "other");
  });

  test("are not looked for when there is a query, another method, a refused path or another host", async () => {
    asked.length = 0;
    await ask(one, "/@s/n?write=true");
    await ask(one, "/@s/n", { method: "PUT" });
    assert.equal((await ask(one, "/@s//n")).status, 400);
    assert.equal((await ask(one, "/@s/n", { host: "elsewhere.example.com" })).status, 421);
    assert.deepEqual(asked, []);
  });
});
