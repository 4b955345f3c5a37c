/**
 * An upstream that lies in every way we know: no wrong byte reaches a client, disk and memory stay bounded,
 * and other packages are served as if nothing was.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { bombArchive, hostileArchives, manyEntriesArchive } from "@assay/testkit/hostile-archives";
import {
  bomb,
  changedDocument,
  drip,
  endless,
  flippedByte,
  gibberish,
  hang,
  otherBytes,
  redirect,
  redirectLoop,
  reset,
  stalled,
  status,
  truncated,
} from "@assay/testkit/lies";
import type { Lie } from "@assay/testkit/lies";
import { rawRequest } from "@assay/testkit/raw-http";
import type { RawAnswer } from "@assay/testkit/raw-http";
import { createInstallation, runAssay, startServer } from "@assay/testkit/server-process";
import type { Installation, ServerProcess } from "@assay/testkit/server-process";
import { createTestUpstream } from "@assay/testkit/upstream";
import type { PublishedRelease, TestUpstream } from "@assay/testkit/upstream";

const mebibyte = 1024 * 1024;
const settings = `
packuments:
  maxAgeSeconds: 0
  notFoundSeconds: 1
limits:
  packumentBytes: ${8 * mebibyte}
  tarballBytes: ${4 * mebibyte}
  unpackedBytes: ${16 * mebibyte}
  archiveEntries: 2000
upstream:
  timeouts:
    connectMs: 1000
    headersMs: 1500
    bodyIdleMs: 1500
`;

let upstream: TestUpstream;
let installation: Installation;
let server: ServerProcess;
let controls = 0;
/** Was served with wrong bytes once. */
let remembered: PublishedRelease | undefined;

const get = (at: string): Promise<RawAnswer> => rawRequest(server.url, at);

before(async () => {
  upstream = await createTestUpstream();
  installation = await createInstallation();
  const config = path.join(installation.home, "assay.yaml");
  writeFileSync(config, settings);
  server = await startServer(installation, {
    upstream: upstream.url,
    flags: [`--config=${config}`],
  });
});

/** A package that nobody lied about must be served, whatever went before. */
async function assertOthersAreServed(): Promise<void> {
  controls += 1;
  const release = upstream.publish({ name: `control-${controls}`, version: "1.0.0" });
  const document = await get(`/${release.name}`);
  assert.equal(document.status, 200, `the packument of ${release.name}: ${document.reason}`);
  const tarball = await get(release.path);
  assert.equal(tarball.status, 200, `the tarball of ${release.name}: ${tarball.reason}`);
  assert.ok(tarball.body.equals(Buffer.from(release.tarball)));
}

afterEach(assertOthersAreServed);

after(async () => {
  await server[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).size, 0);
}

/** The most memory that the server ever held, in MiB (Linux). */
function peakMebibytes(): number {
  const text = readFileSync(`/proc/${server.pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1]) / 1024;
}

describe("a lie about the bytes of a tarball", () => {
  const lies: Readonly<Record<string, Lie>> = {
    "one flipped byte": flippedByte(30),
    "other bytes": otherBytes("not the package"),
    "no bytes": otherBytes(""),
    "a truncated body": truncated(100),
    "a body that stalls": stalled(50),
    "an HTML page": otherBytes("<html>", { "content-type": "text/html" }),
    "a body without end": endless,
    "an error page with status 200 and gzip": bomb("gzip", 64 * mebibyte),
    "a redirect to itself": redirectLoop,
    "a hang": hang,
    "a reset": reset,
    "something that is not HTTP": gibberish,
    "status 500": status(500),
    "status 204": status(204),
    "status 404": status(404),
  };
  for (const [what, lie] of Object.entries(lies)) {
    test(`${what}: refused, nothing stored, nothing bound`, async () => {
      const name = `bytes-${what.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
      const release = upstream.publish({ name, version: "1.0.0" });
      upstream.lie(release.path, lie);
      const answer = await get(release.path);
      assert.ok([404, 502, 503].includes(answer.status), `${answer.status} ${answer.reason}`);
      assert.equal(typeof answer.json()["error"], "string");
      const bundle = await rawRequest(server.url, "/-/log/bundle", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ entries: [{ name, version: "1.0.0" }] }),
      });
      assert.deepEqual(bundle.json()["missing"], [{ name, version: "1.0.0" }]);
    });
  }

  test("wrong bytes are remembered, not fetched again for each client", async () => {
    remembered = upstream.publish({ name: "remembered", version: "1.0.0" });
    upstream.lie(remembered.path, flippedByte(25), { times: 1 });
    assert.equal((await get(remembered.path)).status, 502);
    assert.equal((await get(remembered.path)).status, 502);
    assert.equal(upstream.count(remembered.path), 1);
  });

  test("a drip keeps nobody else waiting and never ends in wrong bytes", async () => {
    const release = upstream.publish({ name: "dripping", version: "1.0.0" });
    upstream.lie(release.path, drip(20, 100));
    const dripped = get(release.path);
    await assertOthersAreServed();
    const answer = await dripped;
    if (answer.status === 200) assert.ok(answer.body.equals(Buffer.from(release.tarball)));
    else assert.ok([502, 503].includes(answer.status), String(answer.status));
  });
});

describe("a lie in the packument", () => {
  test("a dependency that the archive does not have: the tarball is refused", async () => {
    const release = upstream.publish({ name: "injected", version: "1.0.0" });
    upstream.edit("injected", (document) => {
      const manifest = document.versions["1.0.0"];
      if (manifest !== undefined) manifest["dependencies"] = { "evil-dependency": "^1.0.0" };
    });
    const answer = await get(release.path);
    assert.equal(answer.status, 403);
    assert.match(answer.reason, /injected@1\.0\.0/);
  });

  test("an install script that the archive does not have: the tarball is refused", async () => {
    const release = upstream.publish({ name: "scripted", version: "1.0.0" });
    upstream.edit("scripted", (document) => {
      const manifest = document.versions["1.0.0"];
      if (manifest !== undefined) manifest["scripts"] = { postinstall: "node evil.js" };
    });
    assert.equal((await get(release.path)).status, 403);
  });

  test("other dependencies after the bind: the bound ones are served on", async () => {
    const release = upstream.publish({
      name: "bound",
      version: "1.0.0",
      manifest: { dependencies: { alpha: "^1.0.0" } },
    });
    assert.equal((await get(release.path)).status, 200);
    upstream.edit("bound", (document) => {
      const manifest = document.versions["1.0.0"];
      if (manifest !== undefined) manifest["dependencies"] = { "evil-dependency": "^1.0.0" };
    });
    const answer = await get("/bound");
    assert.equal(answer.status, 200);
    assert.ok(!answer.text().includes("evil-dependency"));
    const { versions } = answer.json() as { versions: Record<string, { dependencies: object }> };
    assert.deepEqual(versions["1.0.0"]?.dependencies, { alpha: "^1.0.0" });
  });

  test("another integrity and other bytes after the bind: the bound ones are served on", async () => {
    const release = upstream.publish({ name: "replaced", version: "1.0.0" });
    assert.equal((await get(release.path)).status, 200);
    upstream.publish({ name: "replaced", version: "1.0.0", files: { "evil.js": "evil();" } });
    const { versions } = (await get("/replaced")).json() as {
      versions: Record<string, { dist: { integrity: string } }>;
    };
    assert.equal(versions["1.0.0"]?.dist.integrity, release.integrity);
    const tarball = await get(release.path);
    assert.equal(tarball.status, 200);
    assert.ok(tarball.body.equals(Buffer.from(release.tarball)));
  });

  const documents: Readonly<Record<string, Lie>> = {
    "another package's name": changedDocument((document) => {
      document["name"] = "somebody-else";
      document["_id"] = "somebody-else";
    }),
    "no JSON": otherBytes("<html>down</html>", { "content-type": "application/json" }),
    "half of it": truncated(40),
    "a stall": stalled(40),
    "a gzip bomb": bomb("gzip", 2048 * mebibyte),
    "a brotli bomb": bomb("br", 512 * mebibyte),
    "a zstd bomb": bomb("zstd", 2048 * mebibyte),
    "a body without end": endless,
    "versions that are no object": changedDocument((document) => {
      document["versions"] = "none";
    }),
    "a version under another's key": changedDocument((document) => {
      const versions = document["versions"] as Record<string, { version: string }>;
      const only = versions["1.0.0"];
      if (only !== undefined) only.version = "6.6.6";
    }),
    "a tarball elsewhere": changedDocument((document) => {
      const versions = document["versions"] as Record<string, { dist: { tarball: string } }>;
      const only = versions["1.0.0"];
      if (only !== undefined) only.dist.tarball = "http://169.254.169.254/latest/meta-data";
    }),
    "prototype keys": otherBytes(
      '{"name":"x","dist-tags":{"__proto__":"1.0.0"},"versions":{"__proto__":{"dist":{}}},"time":{}}',
      { "content-type": "application/json" },
    ),
    "deep nesting": otherBytes("[".repeat(200_000), { "content-type": "application/json" }),
    "status 500": status(500),
    "a hang": hang,
    "a reset": reset,
    "a redirect loop": redirectLoop,
    "a redirect to a metadata address": redirect("http://169.254.169.254/latest/meta-data"),
    "a redirect to a file": redirect("file:///etc/passwd"),
  };
  for (const [what, lie] of Object.entries(documents)) {
    test(`${what}: no version of it gets through`, async () => {
      const name = `document-${what.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
      const release = upstream.publish({ name, version: "1.0.0" });
      upstream.lie(`/${name}`, lie);
      const document = await get(`/${name}`);
      assert.ok([200, 403, 502, 503].includes(document.status), `${document.status} ${document.reason}`);
      if (document.status === 503) assert.notEqual(document.headers["retry-after"], undefined);
      const tarball = await get(release.path);
      assert.notEqual(tarball.status, 200);
      assert.ok(tarball.status < 500 || [502, 503].includes(tarball.status), tarball.reason);
    });
  }

  test("once the upstream tells the truth again, the package is served", async () => {
    const release = upstream.publish({ name: "recovering", version: "1.0.0" });
    upstream.lie("/recovering", status(500), { times: 1 });
    assert.notEqual((await get("/recovering")).status, 200);
    const deadline = Date.now() + 40_000;
    let answer = await get("/recovering");
    while (answer.status !== 200 && Date.now() < deadline) {
      await delay(500);
      answer = await get("/recovering");
    }
    assert.equal(answer.status, 200);
    assert.equal((await get(release.path)).status, 200);
  });
});

describe("a way inward", () => {
  test("a redirect to another service on this machine is not followed", async () => {
    let asked = 0;
    const inner = createServer((_, response) => {
      asked += 1;
      response.end("secret");
    });
    await new Promise<void>((resolve) => inner.listen(0, "127.0.0.1", resolve));
    const address = inner.address();
    assert.ok(address !== null && typeof address === "object");
    for (const host of ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"]) {
      const name = `inward-${host.replaceAll(/[^a-z0-9]+/g, "-")}x`;
      const release: PublishedRelease = upstream.publish({ name, version: "1.0.0" });
      upstream.lie(release.path, redirect(`http://${host}:${address.port}/secret`));
      const answer = await get(release.path);
      assert.ok([502, 503].includes(answer.status), `${host}: ${answer.status}`);
      assert.ok(!answer.text().includes("secret"));
      upstream.lie(`/${name}`, redirect(`http://${host}:${address.port}/secret`));
      await get(`/${name}`);
    }
    assert.equal(asked, 0);
    await new Promise((resolve) => inner.close(resolve));
  });
});

describe("a hostile archive", () => {
  const tolerated = "no end blocks"; // every client reads it alike, and old packages have it
  for (const what of Object.keys(hostileArchives({ name: "x", version: "1.0.0" }))) {
    if (what === tolerated) continue;
    test(`${what}: refused by rule`, async () => {
      const name = `hostile-${what.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
      const manifest = { name, version: "1.0.0" };
      const tarball = hostileArchives(manifest)[what];
      assert.ok(tarball !== undefined);
      const release = upstream.publish({ ...manifest, tarball });
      const answer = await get(release.path);
      assert.equal(answer.status, 403, answer.reason);
      assert.equal(typeof answer.json()["rule"], "string");
    });
  }

  test("a zip bomb and a flood of entries are refused", async () => {
    const zeros = { name: "zeros", version: "1.0.0" };
    const bombed = upstream.publish({ ...zeros, tarball: bombArchive(zeros, 64 * mebibyte) });
    assert.equal((await get(bombed.path)).status, 403);
    const flood = { name: "flood", version: "1.0.0" };
    const flooded = upstream.publish({ ...flood, tarball: manyEntriesArchive(flood, 5000) });
    assert.equal((await get(flooded.path)).status, 403);
  });
});

describe("after all of it", () => {
  test("disk and memory stayed bounded, nothing is left behind, the doctor is content", async () => {
    assert.ok(sizeOf(installation.data) < 100 * mebibyte, `${sizeOf(installation.data)} bytes`);
    assert.ok(peakMebibytes() < 700, `${peakMebibytes()} MiB`);
    const doctor = await runAssay(installation, [
      "doctor",
      `--config=${path.join(installation.home, "assay.yaml")}`,
      `--data=${installation.data}`,
      `--upstream=${upstream.url}`,
    ]);
    assert.equal(doctor.exitCode, 0, `${doctor.stdout}${doctor.stderr}`);
  });
});

// Last: the documented memory is 30 s, most of which the tests in between took.
test("wrong bytes that were remembered are forgotten in time", async () => {
  assert.ok(remembered !== undefined);
  const deadline = Date.now() + 60_000;
  let answer = await get(remembered.path);
  while (answer.status !== 200 && Date.now() < deadline) {
    await delay(250);
    answer = await get(remembered.path);
  }
  assert.equal(answer.status, 200);
  assert.ok(answer.body.equals(Buffer.from(remembered.tarball)));
});
