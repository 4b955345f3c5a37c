/** What is published works where it is installed: on Node with its types, and bundled in a browser. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { createTinyLog, integrityOf } from "@assay/testkit/tiny-log";

const repository = path.join(import.meta.dirname, "..", "..", "..");
const executablePath = "/usr/bin/chromium";
const run = promisify(execFile);

/** Runs on the installed package alone, in any runtime: parses a lockfile and holds it against a bundle, offline. */
const consumer = `
import { parseLockfile, sha256Portable, trustLog, trustLogs, verifyLockfiles, isAssayError } from "@assay/verify";

export async function check(given) {
  const encode = (text) => new TextEncoder().encode(text);
  const lockfile = parseLockfile("package-lock.json", encode(given.lockfile));
  const state = new Map();
  const effects = {
    readCheckpoint: async (vkey) => state.get(vkey),
    swapCheckpoint: async (vkey, previous, next) => state.get(vkey) === previous && state.set(vkey, next) !== undefined,
    nowSeconds: () => 1795255260,
    sleep: async () => {},
    postBundle: async () => encode(given.bundle),
    lookup: async () => ({ outcome: "refused", reason: "offline" }),
    fetchTile: async () => undefined,
  };
  const request = { lockfiles: [lockfile], policy: trustLogs([trustLog(given.vkey)]), registry: "https://registry.example.com", onProgress: () => {} };
  const { reports } = await verifyLockfiles({ sha256: sha256Portable, effects }, { ...request, bundle: encode(given.bundle), isOffline: true });
  let refusal = "none";
  try {
    parseLockfile("package-lock.json", encode("{}"));
  } catch (error) {
    refusal = isAssayError(error, "BAD_FORMAT") ? error.message : "another error";
  }
  return { ok: reports[0].ok, verified: reports[0].verified.length, refusal };
}
`;

let folder: string;
let given: { readonly lockfile: string; readonly bundle: string; readonly vkey: string };

describe("the published package", () => {
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "assay-package-"));
    await run(process.execPath, [path.join(repository, "tools/publish/verify.ts"), path.join(folder, "built")]);
    execFileSync("npm", ["pack", "--silent", path.join(folder, "built", "verify")], { cwd: folder });
    const [tarball = ""] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    const project = path.join(folder, "project");
    mkdirSync(project);
    writeFileSync(path.join(project, "package.json"), '{"type":"module"}');
    const install = ["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", path.join(folder, tarball)];
    execFileSync("npm", install, { cwd: project, stdio: "pipe" });
    writeFileSync(path.join(project, "consumer.js"), consumer);

    const log = await createTinyLog({});
    for (let i = 0; i < 600; i += 1) log.bind(`p${i}`, "1.0.0", integrityOf(`p${i}`));
    const names = ["p0", "p300", "p599"];
    const entries = names.map((name) => [`node_modules/${name}`, { version: "1.0.0", integrity: integrityOf(name) }]);
    given = {
      lockfile: JSON.stringify({ lockfileVersion: 3, packages: Object.fromEntries(entries) }),
      bundle: JSON.stringify(await log.bundle(names.map((name) => ({ name, version: "1.0.0" })))),
      vkey: log.vkey,
    };
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  test("depends on nothing", () => {
    const modules = path.join(folder, "project", "node_modules");
    assert.deepEqual(
      readdirSync(modules).filter((name) => !name.startsWith(".")),
      ["@assay"],
    );
    assert.deepEqual(readdirSync(path.join(modules, "@assay")), ["verify"]);
  });

  test("works on Node, and an error of one entry is an error of the other", async () => {
    const project = path.join(folder, "project");
    const main = `
      import { check } from "./consumer.js";
      import { isAssayError } from "@assay/verify";
      import { readLockfile, sha256 } from "@assay/verify/node";
      const result = await check(JSON.parse(process.argv[2]));
      const missing = await readLockfile("nowhere/package-lock.json").catch((error) => isAssayError(error, "NOT_FOUND"));
      console.log(JSON.stringify({ ...result, missing, hash: sha256(new Uint8Array()).length }));
    `;
    writeFileSync(path.join(project, "main.js"), main);
    const { stdout } = await run(process.execPath, ["main.js", JSON.stringify(given)], { cwd: project });
    const { refusal, ...result } = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual(result, { ok: true, verified: 3, missing: true, hash: 32 });
    assert.match(String(refusal), /lockfileVersion must be/);
  });

  test("has types that a strict project accepts, without Node's", async () => {
    const project = path.join(folder, "project");
    const source = `
      import { parseLockfile, trustLog, trustLogs, type Lockfile, type Report, type TrustPolicy } from "@assay/verify";
      const lockfile: Lockfile = parseLockfile("yarn.lock", new Uint8Array());
      const policy: TrustPolicy = trustLogs([trustLog("x")]);
      export const names = (report: Report): readonly string[] => report.verified.map(({ name }) => name);
      // @ts-expect-error there is no such client
      export const wrong = lockfile.client === "cargo";
      export const count: number = policy.logs.length;
    `;
    writeFileSync(path.join(project, "types.ts"), source);
    const options = {
      strict: true,
      noEmit: true,
      module: "nodenext",
      target: "es2024",
      lib: ["es2024", "dom"],
      types: [],
    };
    const config = { compilerOptions: { ...options, skipLibCheck: false }, files: ["types.ts"] };
    writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify(config));
    const tsc = path.join(repository, "node_modules", ".bin", "tsc");
    const { stdout } = await run(tsc, ["-p", project]).catch((error: { stdout: string }) => error);
    assert.equal(stdout, "");
  });

  test("works bundled in Chromium", async (context) => {
    if (!existsSync(executablePath)) return skipLoudly(context);
    const project = path.join(folder, "project");
    const page = `import { check } from "./consumer.js"; globalThis.check = check;`;
    writeFileSync(path.join(project, "page.js"), page);
    const entryPoints = [path.join(project, "page.js")];
    const bundled = await build({ entryPoints, bundle: true, write: false, format: "iife", platform: "browser" });
    const script = bundled.outputFiles[0]?.text ?? "";
    const server = createServer((request, response) => {
      response.setHeader("content-type", request.url === "/page.js" ? "text/javascript" : "text/html; charset=utf-8");
      response.end(
        request.url === "/page.js" ? script : '<link rel="icon" href="data:,"><script src="/page.js"></script>',
      );
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    try {
      const tab = await browser.newPage();
      await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      const result = await tab.evaluate(
        (value) =>
          (globalThis as unknown as { check(value: unknown): Promise<{ ok: boolean; verified: number }> }).check(value),
        given,
      );
      assert.deepEqual([result.ok, result.verified], [true, 3]);
    } finally {
      await browser.close();
      server.close();
    }
  });
});

function skipLoudly(context: TestContext): void {
  const reason = `Chromium is missing: install Debian's package chromium (${executablePath})`;
  if (process.env["ASSAY_REQUIRE_COMPONENTS"] === "1") assert.fail(`REQUIRED: ${reason}`);
  console.error(`SKIPPED: ${reason}`);
  context.skip(`SKIPPED: ${reason}`);
}
