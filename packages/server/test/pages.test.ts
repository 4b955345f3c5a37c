/** Pages in a real browser: accessible, whole on a phone, in the dark, without script, and within their policy. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { hostileArchives } from "@assay/testkit/hostile-archives";
import { status } from "@assay/testkit/lies";
import { rawRequest } from "@assay/testkit/raw-http";
import { createRegistrySigner, publishKeys, setSignatures } from "@assay/testkit/registry-signer";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";
import type { AxeResults } from "axe-core";
import { chromium } from "playwright-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";
const missing = existsSync(executablePath) ? false : `Chromium is missing: install Debian's package chromium`;
if (missing && process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") throw new Error(missing);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let upstream: TestUpstream;
let others: readonly TestUpstream[] = [];
let installation: Installation;
let server: ServerProcess;
let browser: Browser;
let shard: string;

const signer = createRegistrySigner();
const ended = createRegistrySigner({ expiresMs: Date.UTC(2020, 0, 1) });
/** Of a registry that does not own what it signs here. */
const foreign = createRegistrySigner();

/** Enough records for a tree with a full tile, a partial one, and a path with a folded right edge. */
const records = 300;

describe("pages in a browser", { skip: missing }, () => {
  before(async () => {
    upstream = await createTestUpstream();
    // Young enough that a removal is refused.
    const now = Date.now();
    const description = "A framework with a long name <b>and</b> markup";
    for (let minor = 0; minor < 40; minor += 1)
      upstream.publish({
        name: "@scope/framework",
        version: `1.${minor}.0`,
        manifest: { description },
        time: new Date(now - (40 - minor) * 60_000).toISOString(),
      });
    upstream.publish({ name: "rewritten", version: "1.0.0" });
    for (let number = 0; number < records; number += 1) upstream.publish({ name: `pkg-${number}`, version: "1.0.0" });
    installation = await createInstallation();
    publishKeys(upstream, signer, ended);
    for (const [version, by] of [
      ["1.39.0", signer],
      ["1.37.0", foreign],
    ] as const) {
      const integrity = String(upstream.document("@scope/framework").versions[version]?.dist["integrity"]);
      setSignatures(upstream, "@scope/framework", version, [by.sign({ name: "@scope/framework", version, integrity })]);
    }
    others = await Promise.all([createTestUpstream(), createTestUpstream(), createTestUpstream()]);
    if (others[2] !== undefined) publishKeys(others[2], foreign);
    const [near, checked, acme] = others.map(({ url }) => url);
    const config = `
packuments: {maxAgeSeconds: 0}
upstreams:
  npm: {url: "${upstream.url}", names: ["*"], operator: Example Registry, auditorsNeeded: 0}
  near: {kind: mirror, of: npm, url: "${near}", operator: Example Net}
  checked: {kind: auditor, of: npm, url: "${checked}", names: ["@never/*"]}
  acme: {url: "${acme}", names: ["@acme/*", acme-tools]}
`;
    server = await startServer(installation, { config });
    await bind("@scope%2fframework@1.38.0");
    await bind("@scope%2fframework@1.39.0");
    await Promise.all(Array.from({ length: records }, (_, number) => bind(`pkg-${number}@1.0.0`)));
    upstream.remove("@scope/framework", "1.38.0");
    await bind("rewritten@1.0.0");
    upstream.publish({ name: "rewritten", version: "1.0.0", files: { "index.js": "other();" } });
    await rawRequest(server.url, "/rewritten");
    // What the registry cannot deliver its mirror does: once rightly, once wrongly.
    for (const [name, files] of [
      ["copied", {}],
      ["forged", { "index.js": "steal();" }],
    ] as const) {
      const { path } = upstream.publish({ name, version: "1.0.0" });
      upstream.lie(path, status(500));
      others[0]?.publish({ name, version: "1.0.0", files });
      await rawRequest(server.url, path);
    }
    const { logs } = (await rawRequest(server.url, "/-/log/")).json() as { logs: { shard: string }[] };
    shard = String(logs[0]?.shard);
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"] });
  });

  after(async () => {
    await browser?.close();
    await server?.[Symbol.asyncDispose]();
    for (const each of [upstream, ...others]) await each?.[Symbol.asyncDispose]();
    await installation?.[Symbol.asyncDispose]();
  });

  const pages: Readonly<Record<string, () => string>> = {
    home: () => "/",
    package: () => "/@scope/framework",
    "package that nobody asked for": () => "/unasked",
    log: () => "/-/web/log",
    search: () => "/-/web/search",
    "search with results": () => "/-/web/search?text=pkg&from=20",
    "search in vain": () => "/-/web/search?text=nobody",
    "log after a search in vain": () => "/-/web/log?q=nobody%401.0.0",
    "first record": () => `/-/web/log/${shard}/0`,
    "record at the right edge": () => `/-/web/log/${shard}/${records}`,
    history: () => "/-/web/log/history/@scope%2fframework",
    sources: () => "/-/web/sources",
    "history of nothing": () => "/-/web/log/history/nothing",
    refusal: () => "/blocked/-/blocked-1.0.0.tgz",
    "not found": () => "/not-there",
  };
  const looks: Readonly<Record<string, BrowserContextOptions>> = {
    "wide and light": { viewport: { width: 1200, height: 800 }, colorScheme: "light" },
    "on a phone and dark": { viewport: { width: 360, height: 740 }, colorScheme: "dark" },
  };

  before(() => {
    upstream.publish({ name: "unasked", version: "1.0.0" });
    const manifest = { name: "blocked", version: "1.0.0" };
    const tarball = hostileArchives(manifest)["symbolic link"];
    assert.ok(tarball !== undefined);
    upstream.publish({ ...manifest, tarball });
  });

  for (const [name, path] of Object.entries(pages))
    test(`${name}: no rule of WCAG 2.2 AA is broken, nothing is cut off, the policy holds`, async () => {
      for (const [look, options] of Object.entries(looks)) {
        await using context = await browser.newContext({ ...options, bypassCSP: false });
        const page = await context.newPage();
        const complaints: string[] = [];
        page.on("console", (message) => complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(String(error)));
        const answer = await page.goto(server.url + path());
        assert.match(answer?.headers()["content-security-policy"] ?? "", /default-src 'none'/);
        await page.evaluate(() => {
          for (const details of document.querySelectorAll("details")) details.open = true;
        });
        assert.deepEqual(await brokenRules(page), [], look);
        const { shown, needed } = await page.evaluate(() => ({
          shown: document.documentElement.clientWidth,
          needed: document.documentElement.scrollWidth,
        }));
        assert.ok(needed <= shown, `${look}: the page is ${needed} px wide on ${shown} px`);
        const expected = answer?.status() === 200 ? [] : complaints.filter((text) => /status of [45]\d\d/.test(text));
        assert.deepEqual(complaints, expected, look);
      }
    });

  test("the drawn path has a box for each hash of the proof, and lies within its picture", async () => {
    await using context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${server.url}/-/web/log/${shard}/7`);
    const picture = page.getByRole("img", { name: /The way of record 7 to the signed root/ });
    const steps = await page.locator("ol.steps > li").count();
    assert.equal(await picture.locator("rect").count(), 2 + 2 * (steps - 1));
    const outer = await picture.boundingBox();
    assert.ok(outer !== null);
    for (const text of await picture.locator("text").all()) {
      const inner = await text.boundingBox();
      assert.ok(inner !== null && inner.x >= outer.x && inner.x + inner.width <= outer.x + outer.width);
    }
    assert.equal(await page.locator("script").count(), 0);
  });

  test("the search works without script and leads to the record", async () => {
    await using context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${server.url}/-/web/log`);
    await page.getByLabel("Find a record").fill("@scope/framework@1.39.0");
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByRole("heading", { name: /bind of @scope\/framework@1\.39\.0/ }).waitFor();
    await page.getByRole("link", { name: "All records of @scope/framework" }).click();
    await page.getByRole("heading", { name: "Records of @scope/framework" }).waitFor();
  });

  test("a package page says what is bound, links to the proof, and names refused versions with why", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/@scope/framework`);
    assert.ok(await page.getByText("not vetted here").isVisible());
    assert.ok(await page.getByText("npm owns this name").isVisible());
    assert.ok(await page.getByText("from there or from near").isVisible());
    const text = await page.locator("main").innerText();
    assert.match(text, /1\.38\.0\s+upstream\/removed-early/);
    assert.match(text, /1\.37\.0\s+signature\/foreign/);
    assert.ok(text.includes(`Signature verified\n${signer.key.keyid}`));
    await page.getByRole("link", { name: "The record and its proof, drawn" }).click();
    await page.getByRole("img", { name: /The way of record/ }).waitFor();
  });

  test("the sources page says what each source may decide, and what it did", async () => {
    await using context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(`${server.url}/-/web/sources`);
    const registry = page.getByRole("region", { name: "npm", exact: true });
    assert.match(await registry.innerText(), /A registry\. It owns every name that no other registry here owns/);
    assert.match(await registry.innerText(), /1 record says that it had something else than is bound/);
    assert.match(await registry.innerText(), /Example Registry/);
    const mirror = registry.getByRole("region", { name: "near" });
    assert.match(await mirror.innerText(), /A mirror of npm, for all its names\. It decides nothing/);
    assert.match(await mirror.innerText(), /1 tarball of 30\d since this server started/);
    assert.match(await mirror.innerText(), /it had all that it was asked for/);
    assert.match(await mirror.innerText(), /Put aside until .* UTC: .* \(forged@1\.0\.0\)/);
    assert.match(await registry.getByRole("region", { name: "checked" }).innerText(), /An auditor of npm/);
    const keys = await registry.locator("ul.keys").first().innerText();
    assert.ok(keys.includes(signer.key.keyid));
    assert.ok(keys.includes(`${ended.key.keyid} until 2020-01-01 00:00 UTC`));
    assert.match(await page.locator("main").innerText(), /What this registry signs with[\s\S]*SHA256:/);
    const other = page.getByRole("region", { name: "acme" });
    assert.match(await other.innerText(), /It owns @acme\/\*, acme-tools:/);
  });

  test("the command on the page of a record runs as it stands there", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/-/web/log/${shard}/7`);
    const command = await page.getByRole("group", { name: "Command that proves this record" }).innerText();
    const [program, ...parameters] = command.split(" ").map((word) => word.replaceAll("'", ""));
    assert.equal(program, "assay");
    const run = await runAssay(installation, parameters);
    assert.equal(run.exitCode, 0, run.stderr);
    assert.match(run.stdout, /^c2sp\.org\/tlog-proof@v1\n/);
  });

  test("the keyboard reaches everything, and what has the focus is outlined", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/-/web/log`);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to content");
    for (let step = 0; step < 12; step += 1) {
      await page.keyboard.press("Tab");
      const outline = await page.evaluate(() => {
        const style = getComputedStyle(document.activeElement ?? document.body);
        return { style: style.outlineStyle, width: Number.parseFloat(style.outlineWidth) };
      });
      assert.ok(outline.style === "solid" && outline.width >= 2, `tab ${step}: ${JSON.stringify(outline)}`);
    }
  });

  test("nothing moves where less motion is asked for", async () => {
    await using context = await browser.newContext({ reducedMotion: "reduce" });
    const page = await context.newPage();
    await page.goto(`${server.url}/-/web/log`);
    const moving = await page.evaluate(
      () =>
        [...document.querySelectorAll("*")].filter((element) => {
          const { transitionDuration, animationName } = getComputedStyle(element);
          return transitionDuration !== "0s" || animationName !== "none";
        }).length,
    );
    assert.equal(moving, 0);
  });
});

async function bind(key: string): Promise<void> {
  const answer = await rawRequest(server.url, `/-/log/lookup/${key}`);
  assert.equal(answer.status, 200, `${key}: ${answer.reason}`);
}

/** What axe finds, one line a rule, with the first element that breaks it. */
async function brokenRules(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const results = await page.evaluate(async () => {
    const { axe: engine } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    return await engine.run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
  });
  return results.violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html}`);
}
