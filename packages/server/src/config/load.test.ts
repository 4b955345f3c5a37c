import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isAssayError } from "@assay/core";
import { loadConfig, type Flags } from "./load.ts";
import { readNpmSettings } from "./npm-settings.ts";
import { rememberUpstream } from "./remember.ts";

const root = await mkdtemp(join(tmpdir(), "assay-config-"));
after(() => rm(root, { recursive: true, force: true }));
let count = 0;

/** A folder and a home of their own, with these files in the folder and `.npmrc` in the home. */
async function place(files: Readonly<Record<string, string>> = {}, npmrc = "") {
  const base = join(root, String(count++));
  const cwd = join(base, "work");
  const home = join(base, "home");
  await mkdir(cwd, { recursive: true });
  await mkdir(home);
  await writeFile(join(home, ".npmrc"), npmrc);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(cwd, name, ".."), { recursive: true });
    await writeFile(join(cwd, name), text);
  }
  const env = { HOME: home, PATH: join(base, "bin") };
  return {
    cwd,
    home,
    env,
    load: (flags: Flags = {}, more: Record<string, string> = {}) =>
      loadConfig({ flags, env: { ...env, ...more }, cwd }),
  };
}

async function problemOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail("it was accepted"),
    (reason: unknown) => reason,
  );
  assert.ok(isAssayError(error, "CONFIG"), String(error));
  return error.message;
}

test("finds the upstream where npm has it, with its credentials, for this folder", async () => {
  const { load } = await place(
    { "package.json": "{}", ".npmrc": "registry=https://project.example.com/npm/main/\n" },
    "registry=https://user.example.com/\n//project.example.com/npm/:_authToken=${NPM_SECRET}\n//user.example.com/:_authToken=other\n",
  );
  const { config, secrets, upstreamFromNpm } = await load({}, { NPM_SECRET: "s3cret" });
  assert.equal(config.upstreams[0]?.url, "https://project.example.com/npm/main");
  assert.equal(secrets.upstreams.get("npm")?.authorization, "Bearer s3cret");
  assert.equal(upstreamFromNpm, true);
});

test("npm_config_registry, basic credentials, proxy and certificates count as they do for npm", async () => {
  const { load } = await place(
    {},
    'registry=https://user.example.com/\n//env.example.com/:username=ann\n//env.example.com/:_password=cHc=\nhttps-proxy=http://proxy.example.com:1/\nnoproxy=a.example,b.example\ncafile=/ca.pem\nca[]="PEM1"\nca[]="PEM2"\nstrict-ssl=false\n',
  );
  const { config, secrets, notes } = await load({}, { npm_config_registry: "https://env.example.com/" });
  assert.equal(config.upstreams[0]?.url, "https://env.example.com");
  assert.equal(secrets.upstreams.get("npm")?.authorization, `Basic ${Buffer.from("ann:pw").toString("base64")}`);
  assert.equal(secrets.httpsProxy, "http://proxy.example.com:1/");
  assert.equal(config.network.noProxy, "a.example,b.example");
  assert.equal(config.network.caFile, "/ca.pem");
  assert.deepEqual(config.network.ca, ["PEM1", "PEM2"]);
  assert.match(notes.join(), /strict-ssl=false is not followed/);
});

test("npm without any configuration has a registry of its own", async () => {
  const { cwd, env } = await place();
  const { registry } = await readNpmSettings(env, cwd, process.execPath);
  assert.match(registry, /^https:\/\//);
});

test("reading npm's configuration leaves the environment as it was", async () => {
  const { cwd, env } = await place();
  const before = { ...process.env };
  await readNpmSettings(env, cwd, process.execPath);
  assert.deepEqual({ ...process.env }, before);
});

test("npm pointed at this server is refused at first, and harmless once the upstream is remembered", async () => {
  const here = await place({}, "registry=http://localhost:4873/\n");
  assert.match(await problemOf(here.load()), /npm's registry.*this server itself/);
  await rememberUpstream(join(here.cwd, "assay-data"), "https://registry.example.com");
  const { config, provenance } = await here.load();
  assert.equal(config.upstreams[0]?.url, "https://registry.example.com");
  assert.match(provenance.get("upstream.url") ?? "", /assay-data\/assay\.yaml:3:8$/);
});

test("remembers once, privately, without leaving half a file", async () => {
  const { cwd } = await place();
  const data = join(cwd, "deep", "data");
  await rememberUpstream(data, "https://first.example.com");
  await rememberUpstream(data, "https://second.example.com");
  assert.deepEqual(await readdir(data), ["assay.yaml"]);
  assert.match(await readFile(join(data, "assay.yaml"), "utf8"), /first\.example\.com/);
  assert.equal((await stat(join(data, "assay.yaml"))).mode & 0o077, 0);
});

test("reads ./assay.yaml when it is there, and the named file instead", async () => {
  const upstream = "upstream: {url: https://up.example.com}\n";
  const { load, cwd } = await place({
    "assay.yaml": `${upstream}listen: {port: 1}\n`,
    "other/a.yaml": `${upstream}dataFolder: d\n`,
  });
  assert.equal((await load()).config.listen.port, 1);
  assert.equal((await load()).path, join(cwd, "assay.yaml"));
  const named = await load({ config: "other/a.yaml" });
  assert.equal(named.config.dataFolder, join(cwd, "other", "d"));
  assert.equal((await load({}, { ASSAY_CONFIG: "other/a.yaml" })).config.dataFolder, join(cwd, "other", "d"));
  assert.match(
    await problemOf(load({ config: "missing.yaml" })),
    /--config names .*missing\.yaml, which does not exist/,
  );
  assert.match(await problemOf(load({}, { ASSAY_CONFIG: "missing.yaml" })), /ASSAY_CONFIG names /);
  assert.match(await problemOf(load({ config: "other" })), /cannot be read \(EISDIR\)/);
});

test("flags are checked like everything else", async () => {
  const { load } = await place({}, "registry=https://up.example.com/\n");
  const { config } = await load({
    data: "/d",
    host: "0.0.0.0",
    port: "99",
    publicUrl: ["http://a.example", "http://b.example,http://c.example"],
    upstream: "https://flag.example.com",
  });
  assert.equal(config.dataFolder, "/d");
  assert.deepEqual(config.listen, { host: "0.0.0.0", port: 99 });
  assert.deepEqual(config.publicUrls, ["http://a.example", "http://b.example", "http://c.example"]);
  assert.equal(config.upstreams[0]?.url, "https://flag.example.com");
  assert.match(await problemOf(load({ port: "many" })), /listen\.port \(--port\)/);
});

test("secrets may come from files", async () => {
  const { load } = await place({ secret: "Bearer abc\n" }, "registry=https://up.example.com/\n");
  assert.equal(
    (await load({}, { ASSAY_UPSTREAM_AUTHORIZATION_FILE: "secret" })).secrets.upstreams.get("npm")?.authorization,
    "Bearer abc",
  );
  assert.match(
    await problemOf(load({}, { ASSAY_DATABASE_URL_FILE: "nothing" })),
    /ASSAY_DATABASE_URL_FILE names .*does not exist/,
  );
  assert.match(
    await problemOf(load({}, { ASSAY_DATABASE_URL_FILE: "secret", ASSAY_DATABASE_URL: "postgres://x" })),
    /both set/,
  );
});

test("what is remembered may hold more than the upstream, but not where it lies", async () => {
  const { load } = await place({
    "assay-data/assay.yaml": "upstream: {url: https://up.example.com}\nlogging: {level: debug}\n",
  });
  assert.equal((await load()).config.logging.level, "debug");
  const wrong = await place({
    "assay-data/assay.yaml": "dataFolder: elsewhere\nupstream: {url: https://up.example.com}\n",
  });
  assert.match(await problemOf(wrong.load()), /cannot be set inside the data folder/);
});

test("changes nothing on disk", async () => {
  const { load, cwd } = await place({}, "registry=https://up.example.com/\n");
  await load();
  assert.deepEqual(await readdir(cwd), []);
});
