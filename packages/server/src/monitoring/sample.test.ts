import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { encodeUtf8, manifestDigest, manifestFragmentText, parseIntegrity } from "@assay/core";
import { checkEvidence, parseEvidence } from "@assay/verify";
import { changedDocument, flippedByte, otherBytes, status, truncated } from "@assay/testkit/lies";
import { tempFolder } from "@assay/testkit/temp-folder";
import { createTinyLog } from "@assay/testkit/tiny-log";
import { startTinyLogServer } from "@assay/testkit/tiny-log-server";
import { createTestUpstream, type PublishedRelease, type TestUpstream } from "@assay/testkit/upstream";
import { sha256 } from "./audit-tables.ts";
import { createWriter, startMonitor, type TestMonitor } from "./test-monitor.ts";

async function world(t: TestContext) {
  const log = await createTinyLog({});
  const server = await startTinyLogServer(log);
  t.after(() => server[Symbol.asyncDispose]());
  const registry = await createTestUpstream();
  t.after(() => registry[Symbol.asyncDispose]());
  const followed = [{ vkey: log.vkey, url: `${server.url}/-/log/npm-2026a` }];
  const writer = createWriter(log);
  /** Says in the log what the registry serves. */
  const bind = (published: PublishedRelease, kind: "bind" | "supersede" = "bind"): number => {
    const { name, version, integrity, tarball } = published;
    const manifest = manifestOf(registry, published);
    const change = { integrity: parseIntegrity(integrity), manifest, size: tarball.length };
    return kind === "bind" ? writer.bind(name, version, change) : writer.supersede(name, version, change);
  };
  const start = async (tarballHosts: readonly string[] = [], samplesPerRound = 1): Promise<TestMonitor> => {
    const at = { url: registry.url, tarballHosts };
    const monitor = await startMonitor(tempFolder(t), followed, { registry: at, samplesPerRound });
    t.after(() => monitor[Symbol.asyncDispose]());
    return monitor;
  };
  return { log, registry, bind, start, host: new URL(registry.url).host };
}

function manifestOf(registry: TestUpstream, { name, version }: PublishedRelease): string {
  return manifestDigest(sha256, manifestFragmentText(registry.document(name).versions[version] ?? {}));
}

const samples = async (monitor: TestMonitor) => [...(await monitor.look()).samples];

test("a registry that serves what the log says is found honest, and is not asked for more than was allowed", async (t) => {
  const { registry, bind, start } = await world(t);
  for (const name of ["a", "@acme/b", "c"]) bind(registry.publish({ name, version: "1.0.0" }));
  const monitor = await start([], 4);
  assert.deepEqual(await samples(monitor), [["honest", 4]]);
  assert.deepEqual(await monitor.findings(), []);
  assert.equal(registry.requests.length, 8);
});

test("an empty log has nothing to sample", async (t) => {
  const { registry, start } = await world(t);
  assert.deepEqual(await samples(await start([], 3)), [["nothing-to-sample", 1]]);
  assert.equal(registry.requests.length, 0);
});

test("what a registry lies about is a finding whose log half anybody can check", async (t) => {
  const { registry, bind, start, log, host } = await world(t);
  const release = registry.publish({ name: "a", version: "1.0.0" });
  bind(release);
  const other = registry.publish({ name: "other", version: "1.0.0" });
  const version = (document: Record<string, unknown>) =>
    (document["versions"] as Record<string, { dist: Record<string, unknown>; [field: string]: unknown }>)["1.0.0"];
  const lies = {
    "the manifest": ["/a", changedDocument((a) => Object.assign(version(a) ?? {}, { scripts: { install: "x" } }))],
    "a manifest that no client reads": ["/a", changedDocument((a) => Object.assign(version(a) ?? {}, { name: 7 }))],
    "the listed digest": ["/a", changedDocument((a) => (version(a)!.dist["integrity"] = other.integrity))],
    "one byte of the tarball": [release.path, flippedByte(20)],
    "another tarball": [release.path, otherBytes(other.tarball)],
    "an endless tarball": [release.path, otherBytes(Buffer.alloc(3 << 20))],
  } as const;
  for (const [what, [path, lie]] of Object.entries(lies)) {
    const monitor = await start();
    registry.lie(path, lie);
    assert.deepEqual(await samples(monitor), [["lie", 1]], what);
    registry.honest();
    const [finding, ...more] = await monitor.findings();
    assert.deepEqual(more, [], what);
    assert.ok(finding);
    assert.deepEqual([finding.rule, finding.severity, finding.origin], ["differs", "violation", host]);
    assert.ok(finding.sentence.startsWith(`The log ${log.origin} binds a@1.0.0 to `), finding.sentence);
    const verdict = await checkEvidence({ sha256 }, parseEvidence(encodeUtf8(finding.evidence)));
    assert.deepEqual([verdict.holds, verdict.holds && verdict.convicts], [true, false], what);
  }
});

test("the same lie is told once, another one again", async (t) => {
  const { registry, bind, start } = await world(t);
  const release = registry.publish({ name: "a", version: "1.0.0" });
  bind(release);
  const monitor = await start();
  registry.lie(release.path, flippedByte(20));
  await monitor.look();
  await monitor.look();
  assert.equal((await monitor.findings()).length, 1);
  registry.lie(release.path, flippedByte(21));
  await monitor.look();
  assert.equal((await monitor.findings()).length, 2);
});

test("a release that is superseded while it is sampled accuses nobody", async (t) => {
  const { registry, bind, start } = await world(t);
  bind(registry.publish({ name: "a", version: "1.0.0" }));
  const monitor = await start();
  registry.lie("/a", async ({ honest }) => {
    bind(registry.publish({ name: "a", version: "1.0.0", files: { "new.js": "" } }), "supersede");
    registry.honest();
    honest();
  });
  assert.deepEqual(await samples(monitor), [["replaced", 1]]);
  assert.deepEqual(await samples(monitor), [["honest", 1]]);
  assert.deepEqual(await monitor.findings(), []);
});

test("what a registry does not list, does not serve, or cannot say is no lie", async (t) => {
  const { registry, bind, start } = await world(t);
  const release = registry.publish({ name: "a", version: "1.0.0" });
  bind(release);
  const monitor = await start();
  const outcomes = async (path: string, lie: Parameters<TestUpstream["lie"]>[1]) => {
    registry.lie(path, lie);
    const found = await samples(monitor);
    registry.honest();
    return found[0]?.[0];
  };
  assert.equal(await outcomes("/a", status(404)), "not-there");
  assert.equal(
    await outcomes(
      "/a",
      changedDocument((a) => delete a["versions"]),
    ),
    "not-there",
  );
  assert.equal(await outcomes("/a", status(500)), "unreachable");
  assert.equal(await outcomes("/a", otherBytes("<html>")), "unreachable");
  assert.equal(await outcomes(release.path, status(404)), "honest");
  assert.equal(await outcomes(release.path, truncated(10)), "unreachable");
  await registry.die();
  assert.deepEqual(await samples(monitor), [["unreachable", 1]]);
  assert.deepEqual(await monitor.findings(), []);
});

test("a tarball that is listed elsewhere is fetched where the registry itself has it", async (t) => {
  const { registry, bind, start } = await world(t);
  const release = registry.publish({ name: "a", version: "1.0.0" });
  bind(release);
  const elsewhere = await createTestUpstream();
  t.after(() => elsewhere[Symbol.asyncDispose]());
  elsewhere.put("/a.tgz", "other bytes");
  registry.edit("a", (document) => {
    document.versions["1.0.0"]!.dist["tarball"] = `${elsewhere.url.replace("127.0.0.1", "localhost")}/a.tgz`;
  });
  assert.deepEqual(await samples(await start()), [["honest", 1]]);
  registry.lie(release.path, flippedByte(20));
  assert.deepEqual(await samples(await start()), [["lie", 1]]);
  // A name that was allowed, at an address that only the registry itself may have.
  assert.deepEqual(await samples(await start([`localhost:${new URL(elsewhere.url).port}`])), [["lie", 1]]);
  assert.equal(elsewhere.requests.length, 0);
});
