/** Many clients at once want what nobody has yet. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { rawRequest } from "@assay/testkit/raw-http";
import { createInstallation, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { TestUpstream } from "@assay/testkit/upstream";

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  server = await startServer(installation, { upstream: upstream.url });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

/** A log that was never written to is given its first checkpoint a moment after the start: 503 until then. */
async function logSize(): Promise<number> {
  const { logs } = (await rawRequest(server.url, "/-/log/")).json() as { logs: { shard: string }[] };
  for (;;) {
    const note = await rawRequest(server.url, `/-/log/${logs[0]?.shard}/checkpoint`);
    if (note.status === 200) return Number(note.text().split("\n")[1]);
    assert.equal(note.status, 503);
    await delay(50);
  }
}

test("200 clients asking for one cold tarball cause one download and one bind", async () => {
  const release = upstream.publish({
    name: "wanted",
    version: "1.0.0",
    files: { "data.bin": new Uint8Array(300_000).map((_, index) => (index * 7919) % 251) },
  });
  // Slow enough that everybody is waiting before the first answer can be there.
  upstream.lie(release.path, async ({ honest }) => {
    await delay(300);
    honest();
  });
  // What the start itself writes (our key) stands before anything that is bound.
  upstream.publish({ name: "first", version: "1.0.0" });
  assert.equal((await rawRequest(server.url, "/-/log/lookup/first@1.0.0")).status, 200);
  const before = await logSize();
  const answers = await Promise.all(Array.from({ length: 200 }, () => rawRequest(server.url, release.path)));
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(Buffer.from(release.tarball)));
  }
  assert.equal(upstream.count(release.path), 1);
  assert.equal(upstream.count("/wanted"), 1);
  await rawRequest(server.url, "/-/log/lookup/wanted@1.0.0");
  assert.equal((await logSize()) - before, 1);
});

test("200 clients asking for one cold packument cause one upstream request", async () => {
  upstream.publish({ name: "listed", version: "1.0.0" });
  upstream.lie("/listed", async ({ honest }) => {
    await delay(300);
    honest();
  });
  const answers = await Promise.all(Array.from({ length: 200 }, () => rawRequest(server.url, "/listed")));
  assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200]);
  assert.equal(upstream.count("/listed"), 1);
});

test("a client that goes away while it waits takes nobody with it", async () => {
  const release = upstream.publish({ name: "abandoned", version: "1.0.0" });
  upstream.lie(release.path, async ({ honest }) => {
    await delay(500);
    honest();
  });
  const patient = rawRequest(server.url, release.path);
  const hasty = Promise.allSettled(
    Array.from({ length: 20 }, () => rawRequest(server.url, release.path, { timeoutSeconds: 0.2 })),
  );
  const answer = await patient;
  assert.equal(answer.status, 200);
  assert.ok(answer.body.equals(Buffer.from(release.tarball)));
  assert.ok((await hasty).every((settled) => settled.status === "rejected"));
  assert.equal(upstream.count(release.path), 1);
  // The bind is claimed when the bytes are served; the lookup waits until it is in the log.
  assert.equal((await rawRequest(server.url, "/-/log/lookup/abandoned@1.0.0")).status, 200);
});

test("many cold tarballs at once are each bound once", async () => {
  const releases = Array.from({ length: 100 }, (_, index) =>
    upstream.publish({ name: `many-${index}`, version: "1.0.0" }),
  );
  const before = await logSize();
  const answers = await Promise.all(
    releases.flatMap((release) => [release, release].map(({ path }) => rawRequest(server.url, path))),
  );
  assert.deepEqual([...new Set(answers.map((answer) => answer.status))], [200]);
  for (const release of releases) assert.equal(upstream.count(release.path), 1);
  for (let index = 0; index < 100; index += 1) {
    const lookup = await rawRequest(server.url, `/-/log/lookup/many-${index}@1.0.0`);
    assert.equal(lookup.status, 200);
  }
  assert.equal((await logSize()) - before, 100);
});
