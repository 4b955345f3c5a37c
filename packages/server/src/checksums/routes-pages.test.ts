import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { bindFacts } from "./test-log.ts";
import type { TestLog } from "./test-log.ts";
import { serve } from "./test-log-server.ts";

const twenty = { prepare: async (log: TestLog) => log.claim(1, 20).then(() => log.settle()) };

/** The text of the first code block after this label, with its entities read back. */
function codeAfter(html: string, label: string): string {
  const start = html.indexOf("<code>", html.indexOf(`aria-label="${label}"`)) + "<code>".length;
  return html
    .slice(start, html.indexOf("</code>", start))
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
}

test("the log page shows size, key, checkpoint and the newest records, and no script", async (t) => {
  const { get, newest } = await serve(t, twenty);
  const response = await get("/-/web/log");
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const html = await response.text();
  assert.ok(html.includes(newest.vkey));
  assert.match(html, /<dd>20<\/dd>/);
  assert.match(html, new RegExp(`href="[^"]*/-/web/log/${newest.shard}/19"`));
  assert.match(html, /No witness has signed it/);
  assert.doesNotMatch(html, /<script|style=|\son[a-z]+=/);
});

test("a record's page has its text, its path, and shell commands that prove it and fail on another record", async (t) => {
  const { get, shard } = await serve(t, twenty);
  for (const index of [0, 7, 19]) {
    const response = await get(`/-/web/log/${shard}/${index}`);
    assert.equal(response.status, 200);
    const html = await response.text();
    assert.match(codeAfter(html, "Text of the record"), /^assay\/v1 bind\n/);
    assert.match(html, /<svg[^>]*role="img"/);
    const script = codeAfter(html, "Shell commands that check this proof");
    const good = spawnSync("sh", ["-c", script], { encoding: "utf8" });
    assert.equal(good.status, 0, good.stdout + good.stderr);
    assert.match(good.stdout, /The record is in the tree\.\nSignature Verified Successfully/);
    const forged = spawnSync("sh", ["-c", script.replace("source npm", "source npn")], { encoding: "utf8" });
    assert.equal(forged.status, 1);
    assert.match(forged.stdout, /NOT in the tree/);
    const [, root = ""] = /test "\$h" = '([^']+)'/.exec(script) ?? [];
    const resized = spawnSync("sh", ["-c", script.replace(`\n20\n${root}`, `\n21\n${root}`)], { encoding: "utf8" });
    assert.notEqual(resized.status, 0);
    assert.doesNotMatch(resized.stdout, /Verified Successfully/);
  }
});

test("a search leads to the record, the package, or says why not, and never binds", async (t) => {
  const { base, get, shard, admitted } = await serve(t, twenty);
  const search = (text: string) => get(`/-/web/log?q=${encodeURIComponent(text)}`, { redirect: "manual" });
  const { name, version } = bindFacts(8);
  for (const [text, path] of [
    [`${name}@${version}`, `/-/web/log/${shard}/7`],
    [` ${name}@${version} `, `/-/web/log/${shard}/7`],
    ["7", `/-/web/log/${shard}/7`],
    [`${shard}/7`, `/-/web/log/${shard}/7`],
    ["@scope/7", "/-/web/log/history/%40scope%2F7"],
    [name, `/-/web/log/history/${encodeURIComponent(name)}`],
  ] as const) {
    const answer = await search(text);
    assert.deepEqual([answer.status, answer.headers.get("location")], [303, base + path], text);
  }
  for (const [text, problem] of [
    [`${name}@1.0.99`, /is not bound/],
    ["20", /no record 20/],
    ["npm-1999a/1", /neither name@version/],
    ["@scope/7@1.0.0", /is not bound/],
    ["../etc", /neither name@version/],
    ["<script>", /neither name@version/],
  ] as const) {
    const answer = await search(text);
    assert.equal(answer.status, 200);
    const html = await answer.text();
    assert.match(html, problem, text);
    assert.ok(!html.includes("<script>"));
  }
  assert.deepEqual(admitted, []);
});

test("addresses that no record has are refused by name", async (t) => {
  const { get, shard } = await serve(t, twenty);
  for (const [path, status] of [
    [`/-/web/log/${shard}/20`, 404],
    ["/-/web/log/npm-1999a/0", 404],
    [`/-/web/log/${shard}/007`, 400],
    [`/-/web/log/${shard}/-1`, 400],
    [`/-/web/log/${shard}/99999999999999999`, 400],
    ["/-/web/log/history/.hidden", 400],
    ["/-/web/log/history/a?from=nowhere", 400],
  ] as const)
    assert.equal((await get(path)).status, status, path);
});

test("a history follows the chain over all shards, and a foreign start shows nothing of another package", async (t) => {
  const { get, checksums } = await serve(t, {
    prepare: async (log) => {
      await log.claim(0, 40);
      await log.settle();
      await log.rotate();
      await log.claim(40, 40);
      await log.settle();
    },
  });
  const { name } = bindFacts(1);
  const expected = Array.from({ length: 80 }, (_, n) => bindFacts(n))
    .filter((facts) => facts.name === name)
    .map(({ version }) => version)
    .toReversed();
  const never = new AbortController().signal;
  const { records, next } = await checksums.browser.history(name, undefined, 1000);
  assert.deepEqual(
    records.map(({ text }) => /\nversion (.*)\n/.exec(text)?.[1]),
    expected,
  );
  assert.equal(next, undefined);
  const first = await checksums.browser.history(name, undefined, 3);
  const second = await checksums.browser.history(name, first.next, 1000);
  assert.deepEqual([...first.records, ...second.records], records);
  const other = await checksums.lookup(bindFacts(0).name, bindFacts(0).version, never);
  assert.ok(other !== undefined && bindFacts(0).name !== name);
  const html = await (
    await get(`/-/web/log/history/${encodeURIComponent(name)}?from=${other.shard}/${other.index}`)
  ).text();
  assert.ok(!html.includes(bindFacts(0).name));
  const page = await (await get(`/-/web/log/history/${encodeURIComponent(name)}`)).text();
  for (const version of expected.slice(0, 100)) assert.ok(page.includes(`${name}@${version}`), version);
});

test("of a private log that nobody may read, the page shows size, key and checkpoint, and no record", async (t) => {
  const { get, shard, newest } = await serve(t, { ...twenty, readers: "nobody" });
  const response = await get("/-/web/log");
  assert.equal(response.status, 200);
  const html = await response.text();
  assert.ok(html.includes(newest.vkey));
  assert.match(html, /is private and log\.readers is nobody/);
  assert.ok(!html.includes(bindFacts(20).name));
  for (const path of [
    `/-/web/log/${shard}/7`,
    "/-/web/log?q=7",
    `/-/web/log/history/${encodeURIComponent(bindFacts(1).name)}`,
  ])
    assert.equal((await get(path)).status, 403, path);
});
