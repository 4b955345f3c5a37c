import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { packageTgz } from "@assay/testkit/tarball";
import { tempFolder } from "@assay/testkit/temp-folder";
import { runCli } from "../program.ts";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `assay check …` in a folder, with the npm of the machine. */
async function check(cwd: string, ...parameters: readonly string[]): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runCli(["check", ...parameters], {
    env: { PATH: process.env["PATH"], HOME: cwd, npm_config_cache: join(cwd, "node_modules", ".cache") },
    cwd,
    stdout,
    stderr,
    stopSignal: () => new AbortController().signal,
    clock: { monotonicMs: () => 0, nowMs: () => 0, sleep: async () => {} },
    ask: async () => undefined,
    uniqueName: () => "unique",
  });
  stdout.end();
  stderr.end();
  return { code, stdout: await text(stdout), stderr: await text(stderr) };
}

function packageIn(t: TestContext, manifest: object, files: Readonly<Record<string, string>> = {}): string {
  const folder = tempFolder(t);
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return folder;
}

test("a folder is packed as npm packs it, its scripts included, and every finding has a row", async (t) => {
  const manifest = {
    name: "@acme/Odd",
    version: "1.0.0",
    private: true,
    scripts: { prepack: "echo PASSWORD=hunter2 > .env" },
  };
  const folder = packageIn(t, { ...manifest, files: ["index.js", ".env"] }, { "index.js": "" });
  const { code, stdout, stderr } = await check(folder, "--offline");
  assert.equal(code, 1, stdout + stderr);
  assert.match(stdout, /^@acme\/Odd@1\.0\.0: 3 files/);
  assert.match(stdout, /✗ publish\/name: .*\n {4}Choose another name/);
  assert.match(stdout, /✗ publish\/private: /);
  assert.match(stdout, /✗ secrets\/env-file: the file \.env holds settings/);
  assert.match(stdout, /\n3 things would be refused\.\n$/);
});

test("where npm's registry is Assay itself, no other upstream is asked for", async (t) => {
  const folder = packageIn(t, { name: "@acme/here", version: "1.0.0" }, { "index.js": "" });
  writeFileSync(join(folder, ".npmrc"), "registry=http://127.0.0.1:4873/\n");
  const { code, stdout, stderr } = await check(folder, "--offline");
  assert.equal(code, 0, stdout + stderr);
});

test("what a script changed while packing is seen", async (t) => {
  const change = `node -e "const fs=require('fs');const p=JSON.parse(fs.readFileSync('package.json'));p.dependencies={evil:'1.0.0'};fs.writeFileSync('package.json',JSON.stringify(p))"`;
  const restore = `node -e "const fs=require('fs');const p=JSON.parse(fs.readFileSync('package.json'));delete p.dependencies;fs.writeFileSync('package.json',JSON.stringify(p))"`;
  const folder = packageIn(t, {
    name: "@acme/changed",
    version: "1.0.0",
    scripts: { prepack: restore, postpack: change },
  });
  const { code, stdout, stderr } = await check(folder, "--offline", "--json");
  assert.equal(code, 1, stdout + stderr);
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly { readonly rule: string }[] };
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ["manifest/dependency-added"],
  );
});

test("a tarball is taken as it is; one that no client may read is named by rule", async (t) => {
  const folder = packageIn(t, {});
  const manifest = { name: "@acme/good", version: "1.0.0" };
  writeFileSync(join(folder, "good.tgz"), packageTgz(manifest));
  writeFileSync(join(folder, "bad.tgz"), packageTgz(manifest).subarray(0, -9));
  const good = await check(folder, "good.tgz", "--offline");
  assert.equal(good.code, 0, good.stdout + good.stderr);
  assert.match(good.stdout, /✓ Nothing in it would be refused\.\n$/);
  const bad = await check(folder, "bad.tgz");
  assert.equal(bad.code, 1, bad.stdout + bad.stderr);
  assert.match(bad.stdout, /✗ archive\/.*\n {4}Pack it with npm pack/);
  const tagged = await check(folder, "good.tgz", "--offline", "--tag", "1.x");
  assert.match(tagged.stdout, /✗ publish\/tag: the tag 1\.x reads as a version or range/);
});

test("the scope of a package says which files pass, and whether provenance is needed", async (t) => {
  const folder = packageIn(t, {});
  const assay = `upstream: {url: "http://127.0.0.1:9"}
hosted:
  - {names: ["@signed/*"], organisation: signed, provenance: require, allowedSecrets: ["@signed/tls secrets/env-file .env"]}
`;
  writeFileSync(join(folder, "assay.yaml"), assay);
  for (const [name, code] of [
    ["@signed/tls", 0],
    ["@signed/other", 1],
    ["@acme/tls", 1],
  ] as const) {
    writeFileSync(join(folder, "it.tgz"), packageTgz({ name, version: "1.0.0" }, { ".env": "PASSWORD=hunter2\n" }));
    const checked = await check(folder, "it.tgz", "--offline");
    assert.equal(checked.code, code, checked.stdout + checked.stderr);
    assert.equal(/✗ secrets\/env-file/.test(checked.stdout), code === 1, name);
    assert.equal(/! .*provenance statement.*id-token: write/.test(checked.stdout), name !== "@acme/tls", name);
  }
});

test("what cannot be checked is wrong use", async (t) => {
  const folder = packageIn(t, {});
  const missing = await check(folder, "nothing.tgz");
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /nothing\.tgz is not there/);
  mkdirSync(join(folder, "empty"));
  const empty = await check(folder, "empty");
  assert.equal(empty.code, 2, empty.stdout + empty.stderr);
  assert.match(empty.stderr, /npm cannot pack/);
});

test("the registry that npm would publish to is asked whether the number is taken, with npm's token", async (t) => {
  const manifest = { name: "@acme/asked", version: "1.1.0" };
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    const answer = request.url === "/-/whoami" ? { username: "ada" } : { versions: { "1.0.0": { dist: {} } } };
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = packageIn(t, manifest, {
    ".npmrc": `@acme:registry=http://${host}/\n//${host}/:_authToken=secret\nregistry=http://127.0.0.1:9/\n`,
  });
  const free = await check(folder);
  assert.equal(free.code, 0, free.stdout + free.stderr);
  assert.match(free.stdout, new RegExp(`the number is free at http://${host}`));
  assert.deepEqual(asked, ["/-/whoami Bearer secret", "/@acme%2fasked Bearer secret"]);

  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...manifest, version: "1.0.0" }));
  const taken = await check(folder);
  assert.equal(taken.code, 1);
  assert.match(taken.stdout, /✗ publish\/taken: @acme\/asked@1\.0\.0 is published at .* already, with other bytes/);

  const gone = await check(folder, "--registry", "http://127.0.0.1:9");
  assert.equal(gone.code, 0);
  assert.match(gone.stdout, /! http:\/\/127\.0\.0\.1:9 could not be asked/);
});
