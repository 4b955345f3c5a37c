import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parsePackageName } from "@assay/core";
import type { BindFacts } from "./checksums.ts";
import { badToken, serve, type LogServerOptions } from "./test-log-server.ts";
import { bindFacts, never } from "./test-log.ts";

const secret: BindFacts = { ...bindFacts(1), name: parsePackageName("@acme/secret"), source: "hosted" };
const version = String(secret.version);
const key = `${secret.name}@${version}`;
const nothing = `@acme/nothing@${version}`;

/** A server with one version bound for `acme`, and one in the public namespace. */
async function withSecret(t: TestContext, options: LogServerOptions = {}) {
  const server = await serve(t, options);
  const { log, checksums } = server;
  for (const facts of [secret, bindFacts(4)]) {
    await log.database.write((transaction) => checksums.claimBind(transaction, facts));
    await checksums.lookup(facts.name, facts.version, never);
  }
  const [hosted] = checksums.logs.listHosted();
  assert.ok(hosted);
  const as = (token: string | undefined, path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    return server.get(path, { ...init, headers });
  };
  const bundle = (token: string | undefined, names: readonly string[]) =>
    as(token, "/-/log/bundle", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ entries: names.map((name) => ({ name, version })) }),
    });
  return { ...server, hosted, as, bundle };
}

/** What an answer tells: everything but when, and the names that were in the question. */
async function told(answer: Response, ...asked: readonly string[]): Promise<unknown> {
  let text = await answer.text();
  for (const each of asked) text = text.replaceAll(each, "<asked>");
  const headers = [...answer.headers].filter(([name]) => !["date", "x-request-id", "content-length"].includes(name));
  return { status: answer.status, text: text.replaceAll(/"requestId":"[^"]*"/g, ""), headers };
}

test("members read their organisation's log on every path", async (t) => {
  const { as, bundle, hosted } = await withSecret(t);
  const listed = (await (await as("acme", "/-/log/")).json()) as { logs: { log: string; url: string }[] };
  assert.deepEqual(
    listed.logs.map(({ log }) => log),
    ["npm", "org:acme"],
  );
  for (const path of [
    `/-/log/${hosted.shard}/checkpoint`,
    `/-/log/${hosted.shard}/tile/0/000.p/1`,
    `/-/log/${hosted.shard}/tile/entries/000.p/1`,
    `/-/log/lookup/${key}`,
    `/-/log/${hosted.shard}/lookup/${key}`,
    `/-/log/proof/${key}`,
    `/-/log/${hosted.shard}/proof/${key}`,
    `/-/web/log/${hosted.shard}/0`,
  ]) {
    const answer = await as("acme", path);
    assert.equal(answer.status, 200, path);
    if (path.startsWith("/-/log")) assert.equal(answer.headers.get("cache-control"), "private, no-store", path);
  }
  const history = await (await as("acme", `/-/web/log/history/${encodeURIComponent(secret.name)}`)).text();
  assert.match(history, new RegExp(version.replaceAll(".", "\\.")));
  assert.match(await (await as("acme", "/-/web/log")).text(), new RegExp(hosted.shard));
  const search = await as("acme", `/-/web/log?q=${encodeURIComponent(key)}`, { redirect: "manual" });
  assert.ok(search.headers.get("location")?.endsWith(`/-/web/log/${hosted.shard}/0`));
  const both = (await (await bundle("acme", [secret.name, "nothing"])).json()) as {
    bundles: { origin: string }[];
    missing: { name: string }[];
  };
  assert.deepEqual(
    both.bundles.map(({ origin }) => origin),
    [hosted.origin],
  );
  assert.deepEqual(
    both.missing.map(({ name }) => name),
    ["nothing"],
  );
});

const outsiders: Readonly<Record<string, string | undefined>> = {
  "who shows nothing": undefined,
  "another organisation": "umbrella",
  "who shows a token that is none": badToken,
};
for (const [who, token] of Object.entries(outsiders))
  test(`${who} learns nothing of it on any path, and whether the public names are read by anybody or not`, async (t) => {
    for (const readers of ["anyone", "nobody"] as const) await learnsNothing(t, token, readers);
  });

async function learnsNothing(t: TestContext, token: string | undefined, readers: "anyone" | "nobody"): Promise<void> {
  const { as, bundle, hosted, admitted } = await withSecret(t, { readers });
  const { shard } = hosted;
  const pairs: readonly (readonly [string, string])[] = [
    [`/-/log/${shard}/checkpoint`, "/-/log/org-none-2026a/checkpoint"],
    [`/-/log/${shard}/tile/0/000.p/1`, "/-/log/org-none-2026a/tile/0/000.p/1"],
    [`/-/log/${shard}/tile/entries/000.p/1`, "/-/log/org-none-2026a/tile/entries/000.p/1"],
    [`/-/log/lookup/${key}`, `/-/log/lookup/${nothing}`],
    [`/-/log/proof/${key}`, `/-/log/proof/${nothing}`],
    [`/-/log/lookup/${key}`, `/-/log/lookup/@none/x@${version}`],
    [`/-/log/proof/${key}`, `/-/log/proof/@none/x@${version}`],
    [`/-/log/${shard}/lookup/${key}`, `/-/log/org-none-2026a/lookup/${nothing}`],
    [`/-/log/${shard}/proof/${key}`, `/-/log/org-none-2026a/proof/${nothing}`],
    [`/-/web/log/${shard}/0`, "/-/web/log/org-none-2026a/0"],
    [`/-/web/log/history/${encodeURIComponent(secret.name)}`, "/-/web/log/history/%40none%2Fx"],
    [`/-/web/log?q=${encodeURIComponent(key)}`, `/-/web/log?q=${encodeURIComponent(`@none/x@${version}`)}`],
    [`/-/web/log?q=${shard}/0`, "/-/web/log?q=org-none-2026a/0"],
  ];
  const asked = [
    ...[secret.name, "@acme/nothing", "@none/x"].flatMap((name) => [
      name,
      encodeURIComponent(name),
      encodeURIComponent(`${name}@${version}`),
    ]),
    shard,
    "org-none-2026a",
  ];
  for (const [hidden, unknown] of pairs)
    assert.deepEqual(
      await told(await as(token, hidden), ...asked),
      await told(await as(token, unknown), ...asked),
      hidden,
    );
  const list = await (await as(token, "/-/log/")).text();
  assert.ok(!list.includes("acme"));
  assert.ok(!(await (await as(token, "/-/web/log")).text()).includes("acme"));
  assert.deepEqual(
    await told(await bundle(token, [secret.name]), ...asked),
    await told(await bundle(token, ["@none/x"]), ...asked),
  );
  assert.deepEqual(admitted, [], "no hosted name is ever asked of an upstream");
  if (token === badToken || readers === "nobody") return;
  const { bundles, missing } = (await (await bundle(token, [secret.name, "@acme/nothing"])).json()) as {
    bundles: unknown[];
    missing: { name: string }[];
  };
  assert.deepEqual(bundles, []);
  assert.deepEqual(
    missing.map(({ name }) => name),
    [secret.name, "@acme/nothing"],
  );
}

test("members are not led to an upstream by a version that is not there", async (t) => {
  const { as, admitted } = await withSecret(t);
  assert.equal((await as("acme", `/-/log/lookup/@acme/secret@1.0.2`)).status, 404);
  assert.deepEqual(admitted, []);
});

test("checkpoints and hash tiles are for everybody where a setting says so, entries never", async (t) => {
  const { as, hosted } = await withSecret(t, { hostedTiles: "anyone" });
  assert.equal((await as(undefined, `/-/log/${hosted.shard}/checkpoint`)).status, 200);
  assert.equal((await as(undefined, `/-/log/${hosted.shard}/tile/0/000.p/1`)).status, 200);
  assert.equal((await as(undefined, `/-/log/${hosted.shard}/tile/entries/000.p/1`)).status, 404);
  assert.equal((await as(undefined, `/-/log/lookup/${key}`)).status, 404);
  assert.ok(!(await (await as(undefined, "/-/log/")).text()).includes("acme"));
});

test("what nobody may read of the public namespace closes nothing of an organisation's", async (t) => {
  const { as, bundle } = await withSecret(t, { readers: "nobody" });
  assert.equal((await as("acme", `/-/log/lookup/${key}`)).status, 200);
  assert.equal((await bundle("acme", [secret.name])).status, 200);
  assert.equal((await bundle("acme", [secret.name, "plain"])).status, 403);
});
