import { deepEqual, fail, ok } from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { readVectors } from "./vector-files.ts";

const executablePath = "/usr/bin/chromium";
const browserArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

test("every conformance case holds in Chromium with the portable SHA-256", async (t) => {
  if (!existsSync(executablePath)) {
    skipLoudly(t, `Chromium is missing: install Debian's package chromium (${executablePath})`);
    return;
  }
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL("browser-page.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: "es2024",
    logLevel: "silent",
  });
  const script = bundle.outputFiles[0]?.contents ?? fail("nothing was bundled");
  const server = serve({
    "/": [
      "text/html",
      `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/page.js"></script>`,
    ],
    "/page.js": ["text/javascript", script],
    "/vectors.json": ["application/json", JSON.stringify(readVectors())],
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") fail("the server has no port");
  const browser = await chromium.launch({ executablePath, args: browserArguments });
  try {
    const page = await browser.newPage();
    page.on("console", (message) => t.diagnostic(message.text()));
    page.on("pageerror", (error) => t.diagnostic(String(error)));
    // A loopback origin is a secure context: WebCrypto is there.
    await page.goto(`http://127.0.0.1:${address.port}/`);
    const { passed, failed } = await page.evaluate(() => globalThis.runInPage());
    deepEqual(failed, []);
    ok(passed >= 58, `only ${passed} cases ran`);
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
});

function serve(files: Readonly<Record<string, readonly [string, string | Uint8Array]>>): Server {
  return createServer((request, response) => {
    const file = files[request.url ?? ""];
    response.statusCode = file === undefined ? 404 : 200;
    response.setHeader("content-type", `${file?.[0] ?? "text/plain"}; charset=utf-8`);
    response.end(file?.[1] ?? "");
  });
}

function skipLoudly(t: TestContext, reason: string): void {
  if (process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") fail(`REQUIRED: ${reason}`);
  console.error(`SKIPPED: ${reason}`);
  t.skip(`SKIPPED: ${reason}`);
}
