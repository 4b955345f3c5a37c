/** Two servers on one PostgreSQL, with the same keys and blobs: one sequences, the other goes on when it dies. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { missingPostgres, startPostgres, type TestPostgres } from "@assay/testkit/postgres";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";
import { publishBody } from "./publisher.ts";

const missing = missingPostgres() ?? false;
let upstream: TestUpstream;
let postgres: TestPostgres;
let url: string;
const installations: Installation[] = [];
const servers: ServerProcess[] = [];
let token: string;

const get = (server: ServerProcess | undefined, at: string): Promise<RawAnswer> => rawRequest(server?.url ?? "", at);

async function start(index: number): Promise<void> {
  const installation = installations[index];
  assert.ok(installation);
  servers[index] = await startServer(installation, { upstream: upstream.url, env: { ASSAY_DATABASE_URL: url } });
}

/** Waits for a signed record of a release that nobody asked for before. */
async function bindsThrough(server: ServerProcess | undefined, name: string, seconds: number): Promise<void> {
  upstream.publish({ name, version: "1.0.0" });
  const untilMs = performance.now() + seconds * 1000;
  let answer = await get(server, `/-/log/lookup/${name}@1.0.0`);
  while (answer.status === 503 && performance.now() < untilMs) {
    await delay(300);
    answer = await get(server, `/-/log/lookup/${name}@1.0.0`);
  }
  assert.equal(answer.status, 200, `${name}: ${answer.body.toString()}`);
}

function publish(server: ServerProcess | undefined, version: string): Promise<RawAnswer> {
  return rawRequest(server?.url ?? "", "/@ada%2fx", {
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(publishBody({ name: "@ada/x", version })),
  });
}

describe("two servers on one database", { skip: missing }, () => {
  before(async () => {
    upstream = await createTestUpstream();
    postgres = await startPostgres();
    url = await postgres.createDatabase("C");
    installations.push(await createInstallation(), await createInstallation());
    const [first, second] = installations;
    assert.ok(first && second);
    mkdirSync(second.data, { mode: 0o700, recursive: true });
    await start(0);
    for (const shared of ["keys", "blobs"]) symlinkSync(path.join(first.data, shared), path.join(second.data, shared));
    await start(1);
  });

  after(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
    for (const installation of installations) await installation[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });

  test("bind, look up and publish through either, and each shows what the other did", async () => {
    await bindsThrough(servers[0], "left", 15);
    await bindsThrough(servers[1], "right", 5);
    for (const server of servers)
      for (const name of ["left", "right"]) {
        assert.equal((await get(server, `/${name}/-/${name}-1.0.0.tgz`)).status, 200);
        assert.equal((await get(server, `/-/log/proof/${name}@1.0.0`)).status, 200);
      }
    const made = await rawRequest(servers[0]?.url ?? "", "/-/user/org.couchdb.user:ada", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "ada", password: "a long enough pass phrase", email: "", type: "user" }),
    });
    token = String(made.json()["token"]);
    assert.equal((await publish(servers[0], "1.0.0")).status, 201);
    // The scope is known to every process when the answer comes.
    assert.equal((await publish(servers[1], "1.1.0")).status, 201);
    await delay(1500);
    for (const server of servers) {
      const listing = await rawRequest(server.url, "/@ada%2fx", { headers: { authorization: `Bearer ${token}` } });
      assert.deepEqual(Object.keys(listing.json()["versions"] as object), ["1.0.0", "1.1.0"]);
    }
  });

  test("of two at once with one number one is taken", async () => {
    const bodies = servers.map((server, i) =>
      rawRequest(server.url, "/@ada%2fx", {
        method: "PUT",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(publishBody({ name: "@ada/x", version: "2.0.0", description: `from ${i}` })),
      }),
    );
    assert.deepEqual(
      (await Promise.all(bodies)).map(({ status }) => status).toSorted((a, b) => a - b),
      [201, 409],
    );
  });

  test("when the one that sequences is killed the other takes over, and who comes back follows", async () => {
    await servers[0]?.stop("SIGKILL");
    await bindsThrough(servers[1], "after-the-kill", 20);
    assert.equal((await publish(servers[1], "3.0.0")).status, 201);
    await start(0);
    await bindsThrough(servers[0], "through-who-came-back", 5);
    assert.doesNotMatch(servers[0]?.output() ?? "", /this process sequences the logs/);
    assert.equal((await publish(servers[0], "3.1.0")).status, 201);
  });

  test("a clean end hands the lead over at once", async () => {
    await servers[1]?.stop();
    await bindsThrough(servers[0], "after-the-end", 4);
    assert.match(servers[0]?.output() ?? "", /this process sequences the logs/);
  });
});
