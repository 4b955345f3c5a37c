/**
 * A registry and its mirrors behind one address, while mirrors die, hang and lie: no wrong byte, no failed install as
 * long as one honest source lives, every lie recorded.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { decodeEntries, decodeUtf8 } from "@assay/core";
import { clients as packageManagers, type ClientName } from "@assay/testkit/clients";
import { installClients } from "@assay/testkit/install-clients";
import { flippedByte, hang, otherBytes, reset, stalled, status, truncated, type Lie } from "@assay/testkit/lies";
import { rawRequest, type RawAnswer } from "@assay/testkit/raw-http";
import {
  configFile,
  createInstallation,
  runAssay,
  startServer,
  type ServerProcess,
} from "@assay/testkit/server-process";
import { createUpstreamFamily, type FamilyConfig, type UpstreamFamily } from "@assay/testkit/upstream-family";
import { installVerdaccio, startVerdaccio } from "@assay/testkit/verdaccio";

/** A server over a family of upstreams, with folders of its own. */
async function open(aliases: readonly string[], config: FamilyConfig = {}) {
  const family = await createUpstreamFamily(aliases);
  const installation = await createInstallation();
  const text = family.config(config);
  let server = await startServer(installation, { config: text });
  return {
    family,
    installation,
    get: (at: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
      rawRequest(server.url, at, { headers }),
    server: (): ServerProcess => server,
    async restart(other: string = text) {
      await server.stop();
      server = await startServer(installation, { config: other });
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await family[Symbol.asyncDispose]();
      await installation[Symbol.asyncDispose]();
    },
  };
}

/** Texts of the log's records about a package. */
async function recordsOf(registry: string, name: string): Promise<readonly string[]> {
  const { logs } = (await (await fetch(`${registry}/-/log/`)).json()) as { logs: { shard: string }[] };
  const log = `${registry}/-/log/${logs[0]?.shard}`;
  const size = Number((await (await fetch(`${log}/checkpoint`)).text()).split("\n", 2)[1]);
  assert.ok(size > 0 && size < 256, "one bundle holds the whole log");
  const bundle = await (await fetch(`${log}/tile/entries/000.p/${size}`)).arrayBuffer();
  return decodeEntries(new Uint8Array(bundle))
    .map(decodeUtf8)
    .filter((text) => text.includes(`\nname ${name}\n`));
}

describe("one source after the other fails", () => {
  const failures: Readonly<Record<string, Lie>> = {
    "is silent": hang,
    "breaks off": truncated(30),
    stalls: stalled(30),
    resets: reset,
    "answers 500": status(500),
    "answers 404": status(404),
    "sends other bytes": otherBytes("evil"),
    "flips a byte": flippedByte(40),
  };
  for (const [how, lie] of Object.entries(failures)) {
    test(`a mirror that ${how} is not noticed`, async () => {
      await using opened = await open(["bad", "good"]);
      const release = opened.family.publish({ name: "a", version: "1.0.0" });
      opened.family.mirrors["bad"]?.lie("*.tgz", lie);
      const answer = await opened.get(release.path);
      assert.equal(answer.status, 200, answer.reason);
      assert.ok(answer.body.equals(Buffer.from(release.tarball)));
      const { bad, good } = opened.family.mirrors;
      assert.deepEqual([bad?.count(release.path), good?.count(release.path)], [1, 1]);
    });
  }
});

test("while the registry is silent the document is the same, whichever source answers, Verdaccio too", async () => {
  await installVerdaccio((line) => process.stdout.write(`${line}\n`));
  await using opened = await open(["plain"]);
  const { family, installation } = opened;
  const manifest = {
    dependencies: { b: "^1.0.0" },
    bin: "cli.js",
    description: "x",
    scripts: { postinstall: "node x" },
  };
  const files = { "cli.js": "" };
  for (const version of ["1.0.0", "1.1.0-beta", "1.1.0"]) family.publish({ name: "a", version, manifest, files });
  family.publish({ name: "a", version: "2.0.0", manifest: { ...manifest, description: "never bound" }, files });
  for (const version of ["1.0.0", "1.1.0-beta", "1.1.0"])
    assert.equal((await opened.get(`/a/-/a-${version}.tgz`)).status, 200);
  await using verdaccio = await startVerdaccio({ uplinks: [family.registry.url] });

  const sources = { owner: family.registry.url, plain: family.mirrors["plain"]?.url ?? "", verdaccio: verdaccio.url };
  const seen: { readonly source: string; readonly form: string; readonly etag: string; readonly text: string }[] = [];
  for (const [source, url] of Object.entries(sources)) {
    await opened.server().stop();
    for (const lost of ["cache", "blobs/raw"])
      rmSync(path.join(installation.data, lost), { recursive: true, force: true });
    const dead = 'npm: {url: "http://127.0.0.1:1", names: ["*"]}';
    await opened.restart(`upstreams:\n  ${dead}\n  other: {kind: mirror, of: npm, url: "${url}"}\n`);
    for (const accept of ["application/json", "application/vnd.npm.install-v1+json"]) {
      const answer = await opened.get("/a", { accept });
      assert.equal(answer.status, 200, `${source}: ${answer.reason}`);
      assert.match(String(answer.headers["warning"]), /^110 /);
      seen.push({ source, form: accept, etag: String(answer.headers["etag"]), text: answer.text() });
    }
  }
  const [full, abbreviated] = seen;
  for (const { source, form, etag, text } of seen) {
    const first = form === full?.form ? full : abbreviated;
    assert.equal(text, first?.text, source);
    assert.equal(etag, first?.etag, source);
  }
  const document = JSON.parse(full?.text ?? "") as {
    versions: Record<string, { dependencies: object; bin: object; scripts: object; dist: { tarball: string } }>;
    time: object;
    "dist-tags": object;
  };
  assert.deepEqual(Object.keys(document.versions), ["1.0.0", "1.1.0-beta", "1.1.0"]);
  assert.deepEqual(document.versions["1.0.0"]?.dependencies, { b: "^1.0.0" });
  assert.deepEqual(document.versions["1.0.0"]?.scripts, { postinstall: "node x" });
  assert.equal(document.versions["1.0.0"]?.dist.tarball, `${installation.url}/a/-/a-1.0.0.tgz`);
  assert.deepEqual(Object.keys(document.time).sort(), ["1.0.0", "1.1.0", "1.1.0-beta", "modified"]);
  // It was last seen at 2.0.0, which nobody can vouch for now: rather nowhere than back.
  assert.deepEqual(document["dist-tags"], {});
  assert.equal((await opened.get("/a/-/a-1.1.0.tgz")).status, 200);
});

test("a mirror that lies is put aside over a restart, shown with its reason, and brought back by a person", async () => {
  await using opened = await open(["liar", "good"]);
  const { family, installation } = opened;
  const liar = family.mirrors["liar"];
  assert.ok(liar !== undefined);
  const releases = ["1.0.0", "1.1.0", "1.2.0"].map((version) => family.publish({ name: "a", version }));
  liar.lie("*.tgz", otherBytes("evil"));
  assert.equal((await opened.get("/a/-/a-1.0.0.tgz")).status, 200);
  liar.honest();
  await opened.restart();
  assert.equal((await opened.get("/a/-/a-1.1.0.tgz")).status, 200);
  assert.equal(liar.count("/a/-/a-1.1.0.tgz"), 0);

  assert.equal((await opened.get("/-/log/lookup/a@1.1.0")).status, 200);
  const conflicts = (await recordsOf(opened.server().url, "a")).filter((text) =>
    text.startsWith("assay/v1 conflict\n"),
  );
  assert.equal(conflicts.length, 1);
  assert.match(conflicts[0] ?? "", /^version 1\.0\.0$/m);
  assert.match(conflicts[0] ?? "", /^source liar$/m);
  assert.match(conflicts[0] ?? "", /^evidence sha256-/m);
  assert.match((await opened.get("/-/metrics")).text(), /^assay_upstream_put_aside\{upstream="liar"\} 1$/m);
  assert.doesNotMatch((await opened.get("/-/metrics")).text(), /put_aside\{upstream="npm"\}/);

  const where = [`--config=${configFile(installation)}`, `--data=${installation.data}`];
  const listed = await runAssay(installation, ["upstream", "list", ...where]);
  assert.equal(listed.exitCode, 0, listed.stderr);
  assert.match(
    listed.stdout,
    /✗ liar .*\n.*mirror of npm.*\n {4}put aside until .*: wrong bytes of a@1\.0\.0 \(the listing/,
  );
  const doctor = await runAssay(installation, ["doctor", "--json", ...where]);
  assert.match(doctor.stdout, /The mirror liar is put aside until .* wrong bytes of a@1\.0\.0/);
  assert.match(doctor.stdout, /assay upstream restore liar/);
  assert.equal((await runAssay(installation, ["upstream", "restore", "nobody", ...where])).exitCode, 2);
  const restored = await runAssay(installation, ["upstream", "restore", "liar", "--json", ...where]);
  assert.deepEqual(JSON.parse(restored.stdout), { ok: true, alias: "liar", restored: true });
  assert.equal((await runAssay(installation, ["upstream", "restore", "liar", ...where])).exitCode, 1);
  // The running server hears of it within a second.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal((await opened.get("/a/-/a-1.2.0.tgz")).status, 200);
  assert.equal(liar.count(releases[2]?.path ?? ""), 1);
});

test("spread over mirrors, each package has its source; when that dies another one has it", async () => {
  await using opened = await open(["near", "far"], { registry: ["choose: spread", "seed: test"] });
  const { family } = opened;
  const names = Array.from({ length: 24 }, (_, at) => `p${at}`);
  const publish = (version: string) => names.map((name) => family.publish({ name, version }));
  const first = publish("1.0.0");
  const second = publish("1.0.1");
  const third = publish("1.0.2");
  const whoServed = (paths: readonly { path: string }[]) =>
    paths.map(({ path: at }) => Object.entries(family.all).find(([, one]) => one.count(at) > 0)?.[0]);
  for (const { path: at } of [...first, ...second]) assert.equal((await opened.get(at)).status, 200);
  assert.deepEqual(whoServed(second), whoServed(first));
  assert.equal(new Set(whoServed(first)).size, 3, "everybody has some");
  await family.mirrors["near"]?.die();
  for (const { path: at } of third) assert.equal((await opened.get(at)).status, 200);
});

describe("real installs while mirrors die and lie", () => {
  const names = Object.keys(packageManagers) as readonly ClientName[];
  /** More of them for a long run: 4 are 264 installs. */
  const rounds = Number(process.env["ASSAY_TEST_ROUNDS"] ?? 1);
  let opened: Awaited<ReturnType<typeof open>>;
  const folder = (name: string): string => path.join(opened.installation.home, name);

  before(async () => {
    await installClients((line) => process.stdout.write(`${line}\n`));
    opened = await open(["liar", "dying", "good"], { registry: ["choose: spread", "spread: request"] });
  });
  after(() => opened[Symbol.asyncDispose]());

  /** A tree of packages that nobody has seen: a top one that depends on all others, which are answered. */
  function publishTree(round: string): readonly string[] {
    const leaves = Array.from({ length: 12 }, (_, at) => `${round}-leaf-${at}`);
    for (const name of leaves) opened.family.publish({ name, version: "1.0.0", files: { "index.js": `"${name}"` } });
    const dependencies = Object.fromEntries(leaves.map((name) => [name, "^1.0.0"]));
    opened.family.publish({ name: `${round}-top`, version: "1.0.0", manifest: { dependencies } });
    return leaves;
  }

  async function install(name: ClientName, round: string, leaves: readonly string[]): Promise<void> {
    const client = packageManagers[name];
    const project = folder(`${round}-${name}`);
    mkdirSync(project, { recursive: true });
    const dependencies = { [`${round}-top`]: "1.0.0" };
    writeFileSync(path.join(project, "package.json"), JSON.stringify({ name: "x", version: "1.0.0", dependencies }));
    const surroundings = { project, home: folder(`${round}-${name}-home`), cache: folder(`${round}-${name}-cache`) };
    for (const each of [surroundings.home, surroundings.cache]) mkdirSync(each, { recursive: true });
    const run = await client.install({ registry: opened.server().url, ...surroundings });
    assert.equal(run.exitCode, 0, run.output);
    // Yarn 4 writes down checksums of its own archives: of what it installed, the files tell.
    const integrities = name === "yarn4" ? [] : [...client.integrities(project)];
    for (const [id, integrity] of integrities) {
      const at = id.lastIndexOf("@");
      const said = opened.family.registry.document(id.slice(0, at)).versions[id.slice(at + 1)]?.dist["integrity"];
      assert.equal(integrity, said, id);
    }
    const top = path.join(project, "node_modules", `${round}-top`, "package.json");
    assert.equal((JSON.parse(readFileSync(top, "utf8")) as { name: string }).name, `${round}-top`);
    for (const leaf of name === "yarn4" ? leaves : []) {
      const content = readFileSync(path.join(project, "node_modules", leaf, "index.js"), "utf8");
      assert.equal(content, `"${leaf}"`);
    }
    rmSync(project, { recursive: true });
  }

  const troubles: Readonly<Record<string, (family: UpstreamFamily) => void | Promise<void>>> = {
    honest: () => {},
    lying: ({ mirrors }) => mirrors["liar"]?.lie("*.tgz", otherBytes("evil")),
    hanging: ({ mirrors }) => mirrors["dying"]?.lie("*.tgz", hang),
    dying: ({ mirrors }) => mirrors["dying"]?.die(),
    breaking: async ({ mirrors, registry }) => {
      await mirrors["dying"]?.comeBack();
      mirrors["dying"]?.lie("*", truncated(20));
      registry.lie("*.tgz", status(500));
    },
    flipping: ({ mirrors, registry }) => {
      registry.honest();
      registry.lie("*.tgz", flippedByte(30));
      mirrors["dying"]?.lie("*.tgz", reset);
    },
  };
  for (let number = 1; number <= rounds; number += 1) {
    for (const [trouble, begin] of Object.entries(troubles)) {
      for (const client of names) {
        test(`${client} with sources ${trouble}${number === 1 ? "" : `, again (${number})`}`, async () => {
          const round = `${trouble}-${client}${number === 1 ? "" : `-${number}`}`;
          const leaves = publishTree(round);
          await begin(opened.family);
          await install(client, round, leaves);
        });
      }
    }
  }

  test("every lie is on record, with who told it", async () => {
    const wrong = /assay_upstream_tarballs_total\{upstream="(\w+)",outcome="wrong-bytes"\} (\d+)/g;
    const told = [...(await opened.get("/-/metrics")).text().matchAll(wrong)].map(
      ([, who, times]) => [who, Number(times)] as const,
    );
    assert.ok(told.some(([who]) => who === "liar"));
    const { logs } = (await (await fetch(`${opened.server().url}/-/log/`)).json()) as { logs: { shard: string }[] };
    const lookup = await opened.get("/-/log/lookup/flipping-pnpm12-leaf-0@1.0.0");
    assert.equal(lookup.status, 200);
    const log = `${opened.server().url}/-/log/${logs[0]?.shard}`;
    const size = Number((await (await fetch(`${log}/checkpoint`)).text()).split("\n", 2)[1]);
    let conflicts = 0;
    for (let at = 0; at * 256 < size; at += 1) {
      const width = Math.min(256, size - at * 256);
      const tile = `${log}/tile/entries/${String(at).padStart(3, "0")}${width === 256 ? "" : `.p/${width}`}`;
      const entries = decodeEntries(new Uint8Array(await (await fetch(tile)).arrayBuffer())).map(decodeUtf8);
      conflicts += entries.filter(
        (text) => text.startsWith("assay/v1 conflict\n") && /^evidence sha256-/m.test(text),
      ).length;
    }
    assert.equal(
      conflicts,
      told.reduce((sum, [, times]) => sum + times, 0),
    );
  });
});
