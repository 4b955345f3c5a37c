/** What is published here is found by who may read it, from the commit on, and is not counted for anybody else. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { rawRequest } from "@assay/testkit/raw-http";
import { createSqliteDatabase } from "../src/platform/database/sqlite.ts";
import { openSearchIndex } from "../src/serving/search/open-search-index.ts";
import { writeState } from "../src/serving/search/store.ts";
import { startServer, type ServerProcess } from "@assay/testkit/server-process";
import { publishBody, startPublisher, type Publisher } from "./publisher.ts";

let publisher: Publisher;
before(async () => {
  publisher = await startPublisher();
  const about = { description: "a tidy lamp", keywords: ["light"] };
  const body = (name: string, access: string) => ({ ...publishBody({ name, version: "1.0.0", ...about }), access });
  for (const [name, access] of [
    ["@acme/lamp", "public"],
    ["@acme/hidden-lamp", "restricted"],
    ["@acme/secret-lamp", "restricted"],
  ] as const) {
    const answer = await publisher.put(name, body(name, access));
    assert.equal(answer.status, 201, answer.text());
  }
});
after(async () => publisher[Symbol.asyncDispose]());

interface Found {
  readonly total: number;
  readonly names: readonly string[];
}

async function search(query: string, token?: string, server: ServerProcess = publisher.server): Promise<Found> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await rawRequest(server.url, `/-/v1/search?${query}`, { headers });
  const { total, objects } = answer.json() as unknown as {
    readonly total: number;
    readonly objects: readonly { readonly package: { readonly name: string } }[];
  };
  return { total, names: objects.map(({ package: { name } }) => name) };
}

async function join(name: string): Promise<string> {
  const body = JSON.stringify({ name, password: "correct horse battery", type: "user" });
  const headers = { "content-type": "application/json" };
  const answer = await rawRequest(publisher.server.url, `/-/user/org.couchdb.user:${name}`, {
    method: "PUT",
    headers,
    body,
  });
  assert.equal(answer.status, 201, answer.text());
  return answer.json()["token"] as string;
}

test("who may read finds all, with a true total on every page; who may not learns of nothing", async () => {
  const all = ["@acme/lamp", "@acme/hidden-lamp", "@acme/secret-lamp"];
  assert.deepEqual(await search("text=lamp", publisher.token), { total: 3, names: all });
  assert.deepEqual(await search("text=lamp&size=1&from=1", publisher.token), { total: 3, names: all.slice(1, 2) });
  for (const token of [undefined, await join("eve")]) {
    assert.deepEqual(await search("text=lamp", token), { total: 1, names: ["@acme/lamp"] });
    assert.deepEqual(await search("text=lamp&from=1", token), { total: 1, names: [] });
    assert.deepEqual(await search("text=hidden-lamp", token), { total: 0, names: [] });
    assert.deepEqual(await search("text=keywords:light%20scope:acme", token), { total: 1, names: ["@acme/lamp"] });
  }
});

test("it shows what latest says, is gone when nothing is left, and comes back with the index", async () => {
  const newer = publishBody({ name: "@acme/lamp", version: "2.0.0", description: "a bright torch" });
  assert.equal((await publisher.put("@acme/lamp", newer)).status, 201);
  assert.deepEqual(await search("text=torch"), { total: 1, names: ["@acme/lamp"] });
  const tag = await publisher.ask("PUT", "/-/package/@acme%2flamp/dist-tags/latest", "1.0.0");
  assert.equal(tag.status, 201, tag.text());
  assert.deepEqual(await search("text=torch"), { total: 0, names: [] });
  const { _rev: revision } = (await publisher.ask("GET", "/@acme%2fsecret-lamp?write=true")).json();
  const gone = await publisher.ask("DELETE", `/@acme%2fsecret-lamp/-rev/${String(revision)}`);
  assert.equal(gone.status, 200, gone.text());
  const left = { total: 2, names: ["@acme/lamp", "@acme/hidden-lamp"] };
  assert.deepEqual(await search("text=lamp", publisher.token), left);

  await publisher.server[Symbol.asyncDispose]();
  {
    await using database = await createSqliteDatabase({ path: path.join(publisher.installation.data, "assay.db") });
    await database.write(async (transaction) => {
      await openSearchIndex(database).clear(transaction);
      await writeState(transaction, 0);
    });
  }
  const file = path.join(publisher.installation.home, "assay.yaml");
  await using server = await startServer(publisher.installation, { config: readFileSync(file, "utf8") });
  for (let tries = 0; (await search("text=lamp", publisher.token, server)).total < 2 && tries < 50; tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(await search("text=lamp", publisher.token, server), left);
  assert.deepEqual(await search("text=lamp", undefined, server), { total: 1, names: ["@acme/lamp"] });
});
